import { expect, it } from 'vitest';
import { formatMinuteOfDay, formatDateTimeShort, formatDurationPrecise, parseMinuteOfDay, weekdayName } from './time';

it.each([
  [0, 'en', '0 sec'],
  [59, 'en', '59 sec'],
  [60, 'en', '1 min'],
  [3_599, 'en', '59 min 59 sec'],
  [11_520, 'en', '3 hr 12 min'],
  [11_520, 'zh-CN', '3 小时 12 分钟'],
  [200_000, 'en', '2 days 7 hr'],
])('formats %s seconds in %s as %s', (seconds, language, expected) => {
  expect(formatDurationPrecise(seconds * 1000, language)).toBe(expected);
});

it('shows the date only for other days, and the year only for distant ones', () => {
  const now = new Date(2026, 1, 3, 12, 0);
  const at = (...parts: [number, number, number, number, number]) => formatDateTimeShort(new Date(...parts).toISOString(), 'en-GB', now.getTime());
  expect(at(2026, 1, 3, 9, 5)).toBe('9:05');
  expect(at(2026, 1, 2, 9, 5)).toContain('2 Feb');
  expect(at(2025, 1, 2, 9, 5)).toContain('2025');
});

it('parses and formats minutes of the day, and names weekdays', () => {
  expect([parseMinuteOfDay('09:30'), parseMinuteOfDay(''), formatMinuteOfDay(570), formatMinuteOfDay(0)]).toEqual([570, null, '09:30', '00:00']);
  expect([weekdayName(1, 'en'), weekdayName(7, 'zh-CN')]).toEqual(['Mon', '周日']);
});
