import { expect, it } from 'vitest';
import { say, type Say } from '../i18n/words';
import { left, standing } from './standing';

const t: Say = (word, values) => say('en', word, values);
const now = Date.parse('2026-02-03T12:00:00Z');
const at = (minutes: number) => new Date(now + minutes * 60_000).toISOString();

it('counts no nights: what is left is never more than the calendar says', () => {
  // Due tomorrow morning, two working hours left.
  expect(left({ dueAt: at(15 * 60), remainingSeconds: 7_200 }, now)).toBe(7_200);
  // The answer is five minutes old.
  expect(left({ dueAt: at(10), remainingSeconds: 900 }, now)).toBe(600);
  expect(left({ dueAt: at(-10), remainingSeconds: 0 }, now)).toBe(0);
  expect(left({ dueAt: null, remainingSeconds: 300 }, now)).toBe(300);
});

it.each([
  ['RUNNING', at(10), 300, 600, /^10 min left · due/],
  ['BREACHED', at(-10), 300, 0, /^Overdue by 10 min/],
  ['PAUSED', null, 300, 600, 'Paused: 10 min left once it goes on'],
  ['MET', at(10), 300, null, 'Done after 5 min'],
  ['BREACHED', at(-10), 4_000, null, 'Done too late, after 1 hr 6 min'],
] as const)('%s, due %s, says how it stands', (state, dueAt, elapsedSeconds, remainingSeconds, said) => {
  const words = standing(t, { state, dueAt, elapsedSeconds, remainingSeconds }, now, 'en');
  if (typeof said === 'string') expect(words).toBe(said);
  else expect(words).toMatch(said);
});
