import { expect, it } from 'vitest';
import { upcomingExceptions, today } from './upcomingExceptions';

it('returns the date in the time zone of the calendar', () => {
  expect(today('Asia/Shanghai', Date.parse('2026-01-01T16:30:00Z'))).toBe('2026-01-02');
  expect(today('Europe/Berlin', Date.parse('2026-01-01T16:30:00Z'))).toBe('2026-01-01');
});

it('returns exceptions that are in effect or start within the look-ahead, in order', () => {
  const day = (firstDay: string, lastDay = firstDay) => ({ firstDay, lastDay });
  const all = [day('2026-10-01', '2026-10-07'), day('2026-09-25', '2026-09-27'), day('2026-08-01'), day('2026-11-30')];
  expect(upcomingExceptions(all, '2026-09-26').map(({ firstDay }) => firstDay)).toEqual(['2026-09-25', '2026-10-01']);
});
