import { describe, expect, it } from 'vitest';
import type { CardFragment } from '../gql';
import { column, EMPTY, put, type BoardState, type Happening } from './state';

function card(number: number, over: Partial<CardFragment> = {}): CardFragment {
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
    ...over,
  };
}

const page = (...nodes: CardFragment[]): Happening => ({ page: 'NEW', nodes, more: true, end: 'c' });
const event = (ticket: CardFragment): Happening => ({ event: { kind: 'STATUS_CHANGED', ticketId: ticket.id, ticket } });
const left = (id: string): Happening => ({ event: { kind: 'LEFT', ticketId: id, ticket: null } });
const after = (...happenings: Happening[]): BoardState => happenings.reduce(put, EMPTY);
const numbers = (state: BoardState, status: Parameters<typeof column>[1]) => column(state, status).map((c) => c.number);

describe('the board', () => {
  it('orders by urgency, then by how often somebody asked, then by age', () => {
    const state = after(page(card(1), card(2, { chaseCount: 1 }), card(3, { priority: 'URGENT' }), card(4, { priority: 'LOW' })));
    expect(numbers(state, 'NEW')).toEqual([3, 2, 1, 4]);
    expect(state.pages.NEW).toEqual({ more: true, end: 'c' });
  });

  it('moves a ticket between columns and says that it moved', () => {
    const state = after(page(card(1), card(2)), event(card(1, { status: 'ASSIGNED', version: 2 })));
    expect(numbers(state, 'NEW')).toEqual([2]);
    expect(numbers(state, 'ASSIGNED')).toEqual([1]);
    expect([...state.moved]).toEqual([['t1', 1]]);
  });

  it('takes nothing older than what it shows, from an event or a page', () => {
    const now = card(1, { status: 'IN_PROGRESS', version: 3 });
    const before = card(1, { status: 'ASSIGNED', version: 2 });
    for (const state of [after(event(now), event(before)), after(event(now), page(before))]) {
      expect(numbers(state, 'IN_PROGRESS')).toEqual([1]);
      expect(numbers(state, 'ASSIGNED')).toEqual([]);
    }
    const chased = card(1, { chaseCount: 1, updatedAt: '2026-01-05T09:00:00Z' });
    expect(column(after(event(chased), event(card(1))), 'NEW')[0]?.chaseCount).toBe(1);
  });

  it('lets go of what left, and of nothing else', () => {
    const state = after(page(card(1), card(2)), left('t1'));
    expect(numbers(state, 'NEW')).toEqual([2]);
    expect(put(state, left('t9'))).toBe(state);
    expect(put(state, { event: { kind: 'RESYNC', ticketId: null, ticket: null } })).toBe(state);
  });

  it('shows what was resolved last first', () => {
    const resolved = (number: number, at: string) => event(card(number, { status: 'RESOLVED', updatedAt: at }));
    const state = after(resolved(1, '2026-01-05T09:00:00Z'), resolved(2, '2026-01-05T10:00:00Z'));
    expect(numbers(state, 'RESOLVED')).toEqual([2, 1]);
  });
});
