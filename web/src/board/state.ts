/** What the board shows: a pure state that pages and live events are put into, in whatever order they come. */
import type { BoardEventKind, CardFragment, TicketStatus } from '../gql';

export const COLUMNS = ['NEW', 'ASSIGNED', 'IN_PROGRESS', 'WAITING', 'RESOLVED'] as const satisfies TicketStatus[];
export type Column = (typeof COLUMNS)[number];

export interface Pages {
  more: boolean;
  end: string | null;
}

export interface BoardState {
  cards: ReadonlyMap<string, CardFragment>;
  pages: Readonly<Record<Column, Pages>>;
  /** Tickets that came or moved while somebody watched, and how often. */
  moved: ReadonlyMap<string, number>;
}

export interface Told {
  kind: BoardEventKind;
  ticketId: string | null;
  ticket: CardFragment | null;
}

export type Happening =
  | { page: Column; nodes: CardFragment[]; more: boolean; end: string | null }
  | { event: Told };

const NONE: Pages = { more: false, end: null };

export const EMPTY: BoardState = {
  cards: new Map(),
  pages: { NEW: NONE, ASSIGNED: NONE, IN_PROGRESS: NONE, WAITING: NONE, RESOLVED: NONE },
  moved: new Map(),
};

/** Whether a card is older than the one that is there. */
function stale(card: CardFragment, there: CardFragment | undefined): boolean {
  if (!there) return false;
  if (card.version !== there.version) return card.version < there.version;
  return Date.parse(card.updatedAt) < Date.parse(there.updatedAt);
}

export function put(state: BoardState, what: Happening): BoardState {
  const cards = new Map(state.cards);
  if ('page' in what) {
    for (const card of what.nodes) {
      if (!stale(card, cards.get(card.id))) cards.set(card.id, card);
    }
    return { ...state, cards, pages: { ...state.pages, [what.page]: { more: what.more, end: what.end } } };
  }
  const { kind, ticketId, ticket } = what.event;
  if (kind === 'LEFT') {
    if (ticketId === null || !cards.delete(ticketId)) return state;
    return { ...state, cards };
  }
  if (!ticket || stale(ticket, cards.get(ticket.id))) return state;
  const was = cards.get(ticket.id)?.status;
  cards.set(ticket.id, ticket);
  if (was === ticket.status) return { ...state, cards };
  const moved = new Map(state.moved).set(ticket.id, (state.moved.get(ticket.id) ?? 0) + 1);
  return { ...state, cards, moved };
}

const RANK = { URGENT: 3, HIGH: 2, NORMAL: 1, LOW: 0 } as const;

/** The order that the server gives as well: urgent first, then asked about most often, then oldest. */
function byUrgency(a: CardFragment, b: CardFragment): number {
  return RANK[b.priority] - RANK[a.priority] || b.chaseCount - a.chaseCount || a.number - b.number;
}

function byChange(a: CardFragment, b: CardFragment): number {
  return Date.parse(b.updatedAt) - Date.parse(a.updatedAt) || b.number - a.number;
}

export function column(state: BoardState, status: Column): CardFragment[] {
  const cards = [...state.cards.values()].filter((card) => card.status === status);
  return cards.sort(status === 'RESOLVED' ? byChange : byUrgency);
}
