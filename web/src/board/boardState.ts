/** The state of the board: a pure reducer for pages and live events, which may arrive in any order. */
import type { BoardEventKind, CardFragment, TicketStatus } from '../gql';

export const COLUMNS = ['NEW', 'ASSIGNED', 'IN_PROGRESS', 'WAITING', 'RESOLVED'] as const satisfies TicketStatus[];
export type Column = (typeof COLUMNS)[number];

export interface ColumnPage {
  hasMore: boolean;
  endCursor: string | null;
}

export interface BoardState {
  cards: ReadonlyMap<string, CardFragment>;
  pages: Readonly<Record<Column, ColumnPage>>;
  /** How often a ticket arrived or moved while the board was open. */
  moveCounts: ReadonlyMap<string, number>;
}

export interface BoardEvent {
  kind: BoardEventKind;
  ticketId: string | null;
  ticket: CardFragment | null;
}

export type BoardAction =
  | { page: Column; nodes: CardFragment[]; hasMore: boolean; endCursor: string | null }
  | { event: BoardEvent };

const EMPTY_PAGE: ColumnPage = { hasMore: false, endCursor: null };

export const EMPTY_BOARD: BoardState = {
  cards: new Map(),
  pages: { NEW: EMPTY_PAGE, ASSIGNED: EMPTY_PAGE, IN_PROGRESS: EMPTY_PAGE, WAITING: EMPTY_PAGE, RESOLVED: EMPTY_PAGE },
  moveCounts: new Map(),
};

/** Whether a card is older than the current one. */
function isStale(card: CardFragment, current: CardFragment | undefined): boolean {
  if (!current) return false;
  if (card.version !== current.version) return card.version < current.version;
  return Date.parse(card.updatedAt) < Date.parse(current.updatedAt);
}

export function boardReducer(state: BoardState, action: BoardAction): BoardState {
  const cards = new Map(state.cards);
  if ('page' in action) {
    for (const card of action.nodes) {
      if (!isStale(card, cards.get(card.id))) cards.set(card.id, card);
    }
    return { ...state, cards, pages: { ...state.pages, [action.page]: { hasMore: action.hasMore, endCursor: action.endCursor } } };
  }
  const { kind, ticketId, ticket } = action.event;
  if (kind === 'LEFT') {
    if (ticketId === null || !cards.delete(ticketId)) return state;
    return { ...state, cards };
  }
  if (!ticket || isStale(ticket, cards.get(ticket.id))) return state;
  const previousStatus = cards.get(ticket.id)?.status;
  cards.set(ticket.id, ticket);
  if (previousStatus === ticket.status) return { ...state, cards };
  const moveCounts = new Map(state.moveCounts).set(ticket.id, (state.moveCounts.get(ticket.id) ?? 0) + 1);
  return { ...state, cards, moveCounts };
}

const RANK = { URGENT: 3, HIGH: 2, NORMAL: 1, LOW: 0 } as const;

/** The same order as on the server: by priority, then by number of reminders, then oldest first. */
function byUrgency(a: CardFragment, b: CardFragment): number {
  return RANK[b.priority] - RANK[a.priority] || b.chaseCount - a.chaseCount || a.number - b.number;
}

function byMostRecentChange(a: CardFragment, b: CardFragment): number {
  return Date.parse(b.updatedAt) - Date.parse(a.updatedAt) || b.number - a.number;
}

export function cardsInColumn(state: BoardState, status: Column): CardFragment[] {
  const cards = [...state.cards.values()].filter((card) => card.status === status);
  return cards.sort(status === 'RESOLVED' ? byMostRecentChange : byUrgency);
}
