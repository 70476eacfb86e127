import { describe, expect, it } from 'vitest';
import { recentMonths, quarterOf, resolvePreset, weekOf } from './period';

const at = (text: string) => Date.parse(text);

describe('resolvePreset', () => {
  it.each([
    // This evening in UTC is already the next day in Shanghai.
    ['days7', '2026-03-01T17:00:00Z', 'Asia/Shanghai', '2026-02-23T16:00:00.000Z', '2026-03-02T16:00:00.000Z'],
    ['month', '2026-03-01T17:00:00Z', 'Asia/Shanghai', '2026-02-28T16:00:00.000Z', '2026-03-31T16:00:00.000Z'],
    ['lastMonth', '2026-01-10T00:00:00Z', 'UTC', '2025-12-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z'],
    ['quarter', '2026-12-31T23:30:00Z', 'UTC', '2026-10-01T00:00:00.000Z', '2027-01-01T00:00:00.000Z'],
    // Daylight saving time starts on 29 March, so the month is an hour short.
    ['month', '2026-03-15T12:00:00Z', 'Europe/Berlin', '2026-02-28T23:00:00.000Z', '2026-03-31T22:00:00.000Z'],
  ] as const)('resolves %s at %s in %s', (preset, now, zone, from, to) => {
    expect(resolvePreset(preset, at(now), zone)).toMatchObject({ from, to });
  });
});

it('lists recent months across the year boundary, in the time zone', () => {
  expect(recentMonths(at('2026-01-31T17:00:00Z'), 'Asia/Shanghai', 3)).toEqual(['2026-02', '2026-01', '2025-12']);
});

describe('weekOf and quarterOf', () => {
  it.each([
    ['2026-11-28T12:00:00Z', '2026-W48'],
    // Sunday in UTC, Monday in Shanghai.
    ['2026-01-04T17:00:00Z', '2026-W02'],
    ['2026-01-01T00:00:00Z', '2026-W01'],
    ['2025-12-29T00:00:00Z', '2026-W01'],
    ['2021-01-03T00:00:00Z', '2020-W53'],
  ])('%s is in week %s', (instant, week) => {
    expect(weekOf(at(instant), 'Asia/Shanghai')).toBe(week);
  });
  it.each([
    ['2026-01', '2026-Q1'],
    ['2026-03', '2026-Q1'],
    ['2026-10', '2026-Q4'],
    ['2026-12', '2026-Q4'],
  ])('%s is in quarter %s', (month, quarter) => {
    expect(quarterOf(month)).toBe(quarter);
  });
});
