import { expect, it } from 'vitest';
import { coming, today } from './coming';

it('knows the date where the calendar is', () => {
  expect(today('Asia/Shanghai', Date.parse('2026-01-01T16:30:00Z'))).toBe('2026-01-02');
  expect(today('Europe/Berlin', Date.parse('2026-01-01T16:30:00Z'))).toBe('2026-01-01');
});

it('shows what is on and what begins within the next days', () => {
  const day = (firstDay: string, lastDay = firstDay) => ({ firstDay, lastDay });
  const all = [day('2026-10-01', '2026-10-07'), day('2026-09-25', '2026-09-27'), day('2026-08-01'), day('2026-11-30')];
  expect(coming(all, '2026-09-26').map(({ firstDay }) => firstDay)).toEqual(['2026-09-25', '2026-10-01']);
});
