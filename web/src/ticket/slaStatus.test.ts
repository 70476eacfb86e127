import { expect, it } from 'vitest';
import { translate, type Translate } from '../i18n/messages';
import { secondsLeft, slaStatusText } from './slaStatus';

const t: Translate = (word, values) => translate('en', word, values);
const now = Date.parse('2026-02-03T12:00:00Z');
const at = (minutes: number) => new Date(now + minutes * 60_000).toISOString();

it('the time left is never more than the working time that the server reported', () => {
  // Due tomorrow morning, with two working hours left.
  expect(secondsLeft({ dueAt: at(15 * 60), remainingSeconds: 7_200 }, now)).toBe(7_200);
  // The result is five minutes old.
  expect(secondsLeft({ dueAt: at(10), remainingSeconds: 900 }, now)).toBe(600);
  expect(secondsLeft({ dueAt: at(-10), remainingSeconds: 0 }, now)).toBe(0);
  expect(secondsLeft({ dueAt: null, remainingSeconds: 300 }, now)).toBe(300);
});

it.each([
  ['RUNNING', at(10), 300, 600, /^10 min left · due/],
  ['BREACHED', at(-10), 300, 0, /^Overdue by 10 min/],
  ['PAUSED', null, 300, 600, 'Paused: 10 min left after it resumes'],
  ['MET', at(10), 300, null, 'Met in 5 min'],
  ['BREACHED', at(-10), 4_000, null, 'Breached: took 1 hr 6 min'],
] as const)('describes a clock that is %s and due %s', (state, dueAt, elapsedSeconds, remainingSeconds, expected) => {
  const text = slaStatusText(t, { state, dueAt, elapsedSeconds, remainingSeconds }, now, 'en');
  if (typeof expected === 'string') expect(text).toBe(expected);
  else expect(text).toMatch(expected);
});
