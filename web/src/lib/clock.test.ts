import { expect, it } from 'vitest';
import { ofDay, shortly, stretch, toMinute, weekday } from './clock';

it.each([
  [0, 'en', '0 sec'],
  [59, 'en', '59 sec'],
  [60, 'en', '1 min'],
  [3_599, 'en', '59 min 59 sec'],
  [11_520, 'en', '3 hr 12 min'],
  [11_520, 'zh-CN', '3小时12分钟'],
  [200_000, 'en', '2 days 7 hr'],
])('%s seconds in %s are %s', (seconds, language, said) => {
  expect(stretch(seconds * 1000, language)).toBe(said);
});

it('names the day only where it is another', () => {
  const now = new Date(2026, 1, 3, 12, 0);
  const at = (...parts: [number, number, number, number, number]) => shortly(new Date(...parts).toISOString(), 'en-GB', now.getTime());
  expect(at(2026, 1, 3, 9, 5)).toBe('9:05');
  expect(at(2026, 1, 2, 9, 5)).toContain('2 Feb');
  expect(at(2025, 1, 2, 9, 5)).toContain('2025');
});

it('reads and writes minutes of a day', () => {
  expect([toMinute('09:30'), toMinute(''), ofDay(570), ofDay(0)]).toEqual([570, null, '09:30', '00:00']);
  expect([weekday(1, 'en'), weekday(7, 'zh-CN')]).toEqual(['Mon', '周日']);
});
