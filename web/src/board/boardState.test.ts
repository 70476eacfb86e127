import { describe, expect, it } from 'vitest';
import type { CardFragment } from '../gql';
import { cardsInColumn, EMPTY_BOARD, boardReducer, type BoardState, type BoardAction } from './boardState';

function card(number: number, overrides: Partial<CardFragment> = {}): CardFragment {
  return {
    id: `t${number}`,
    number,
    title: `Ticket ${number}`,
    status: 'NEW',
    priority: 'NORMAL',
    version: 1,
    createdAt: '2026-01-05T08:00:00Z',
    updatedAt: '2026-01-05T08:00:00Z',
    firstRespondedAt: null,
    chaseCount: 0,
    assignee: null,
    customer: null,
    ...overrides,
  };
}

const pageAction = (...nodes: CardFragment[]): BoardAction => ({ page: 'NEW', nodes, hasMore: true, endCursor: 'c' });
const eventAction = (ticket: CardFragment): BoardAction => ({ event: { kind: 'STATUS_CHANGED', ticketId: ticket.id, ticket } });
const leftAction = (id: string): BoardAction => ({ event: { kind: 'LEFT', ticketId: id, ticket: null } });
const stateAfter = (...actions: BoardAction[]): BoardState => actions.reduce(boardReducer, EMPTY_BOARD);
const numbers = (state: BoardState, status: Parameters<typeof cardsInColumn>[1]) => cardsInColumn(state, status).map((c) => c.number);

describe('the board', () => {
  it('orders by priority, then by number of reminders, then by age', () => {
    const state = stateAfter(pageAction(card(1), card(2, { chaseCount: 1 }), card(3, { priority: 'URGENT' }), card(4, { priority: 'LOW' })));
    expect(numbers(state, 'NEW')).toEqual([3, 2, 1, 4]);
    expect(state.pages.NEW).toEqual({ hasMore: true, endCursor: 'c' });
  });

  it('moves a ticket between columns and counts the move', () => {
    const state = stateAfter(pageAction(card(1), card(2)), eventAction(card(1, { status: 'ASSIGNED', version: 2 })));
    expect(numbers(state, 'NEW')).toEqual([2]);
    expect(numbers(state, 'ASSIGNED')).toEqual([1]);
    expect([...state.moveCounts]).toEqual([['t1', 1]]);
  });

  it('ignores events and pages that are older than the current card', () => {
    const now = card(1, { status: 'IN_PROGRESS', version: 3 });
    const before = card(1, { status: 'ASSIGNED', version: 2 });
    for (const state of [stateAfter(eventAction(now), eventAction(before)), stateAfter(eventAction(now), pageAction(before))]) {
      expect(numbers(state, 'IN_PROGRESS')).toEqual([1]);
      expect(numbers(state, 'ASSIGNED')).toEqual([]);
    }
    const chased = card(1, { chaseCount: 1, updatedAt: '2026-01-05T09:00:00Z' });
    expect(cardsInColumn(stateAfter(eventAction(chased), eventAction(card(1))), 'NEW')[0]?.chaseCount).toBe(1);
  });

  it('removes a ticket that left, and ignores other events without a ticket', () => {
    const state = stateAfter(pageAction(card(1), card(2)), leftAction('t1'));
    expect(numbers(state, 'NEW')).toEqual([2]);
    expect(boardReducer(state, leftAction('t9'))).toBe(state);
    expect(boardReducer(state, { event: { kind: 'RESYNC', ticketId: null, ticket: null } })).toBe(state);
  });

  it('shows the most recently resolved ticket first', () => {
    const resolved = (number: number, at: string) => eventAction(card(number, { status: 'RESOLVED', updatedAt: at }));
    const state = stateAfter(resolved(1, '2026-01-05T09:00:00Z'), resolved(2, '2026-01-05T10:00:00Z'));
    expect(numbers(state, 'RESOLVED')).toEqual([2, 1]);
  });
});
