import { expect, it } from 'vitest';
import { isQuiet, minuteOfDay } from './sound';

it.each([
  [null, null, 0, false],
  [1320, 420, 1319, false],
  [1320, 420, 1320, true],
  [1320, 420, 0, true],
  [1320, 420, 420, false],
  [720, 780, 750, true],
  [720, 780, 780, false],
])('with quiet hours from %s to %s, minute %s is quiet: %s', (from, to, minute, quiet) => {
  expect(isQuiet(from, to, minute)).toBe(quiet);
});

it('returns the minute of the day in a time zone', () => {
  const midnight = Date.parse('2026-01-01T16:00:00Z');
  expect(minuteOfDay(midnight, 'Asia/Shanghai')).toBe(0);
  expect(minuteOfDay(midnight + 90_000, 'Europe/Berlin')).toBe(17 * 60 + 1);
});
