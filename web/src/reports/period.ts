/** Periods of a report: half-open intervals whose days start in the organisation's time zone. */

export const PRESETS = ['days7', 'days30', 'days90', 'month', 'lastMonth', 'quarter'] as const;
export type Preset = (typeof PRESETS)[number];

export type Interval = 'DAY' | 'WEEK' | 'MONTH';

export interface ReportPeriod {
  from: string;
  to: string;
  /** The interval of the time series. */
  interval: Interval;
}

/** The date in a time zone: year, month (from 1), day. */
function dateInZone(zone: string, at: number): [number, number, number] {
  const parts = new Intl.DateTimeFormat('en-CA', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' });
  const [year = 0, month = 1, day = 1] = parts.format(at).split('-').map(Number);
  return [year, month, day];
}

/** How many milliseconds the time zone is ahead of UTC. */
function utcOffset(zone: string, at: number): number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone, hourCycle: 'h23',
    year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric',
  });
  const part = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(at / 1000) * 1000;
}

/** Midnight at the start of a day; months and days out of range overflow into the next. */
function midnight(zone: string, year: number, month: number, day: number): number {
  const utc = Date.UTC(year, month - 1, day);
  // Corrected twice, because the offset may change between the guess and midnight.
  const guess = utc - utcOffset(zone, utc);
  return utc - utcOffset(zone, guess);
}

export function resolvePreset(preset: Preset, now: number, zone: string): ReportPeriod {
  const [year, month, day] = dateInZone(zone, now);
  const toPeriod = (from: number, to: number, interval: Interval): ReportPeriod => ({
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    interval,
  });
  const tomorrow = midnight(zone, year, month, day + 1);
  const quarter = Math.floor((month - 1) / 3) * 3 + 1;
  switch (preset) {
    case 'days7':
      return toPeriod(midnight(zone, year, month, day - 6), tomorrow, 'DAY');
    case 'days30':
      return toPeriod(midnight(zone, year, month, day - 29), tomorrow, 'DAY');
    case 'days90':
      return toPeriod(midnight(zone, year, month, day - 89), tomorrow, 'WEEK');
    case 'month':
      return toPeriod(midnight(zone, year, month, 1), midnight(zone, year, month + 1, 1), 'DAY');
    case 'lastMonth':
      return toPeriod(midnight(zone, year, month - 1, 1), midnight(zone, year, month, 1), 'DAY');
    case 'quarter':
      return toPeriod(midnight(zone, year, quarter, 1), midnight(zone, year, quarter + 3, 1), 'WEEK');
  }
}

/** The most recent months, the current one first, as 2026-10. */
export function recentMonths(now: number, zone: string, count: number): string[] {
  const [year, month] = dateInZone(zone, now);
  return Array.from({ length: count }, (_, monthsBack) => new Date(Date.UTC(year, month - 1 - monthsBack, 1)).toISOString().slice(0, 7));
}

/** The quarter of a month: 2026-10 is in 2026-Q4. */
export function quarterOf(month: string): string {
  const [year = '', number = '1'] = month.split('-');
  return `${year}-Q${Math.ceil(Number(number) / 3)}`;
}

/** The ISO week of an instant, as 2026-W47: weeks start on Monday, and week 1 contains the first Thursday of the year. */
export function weekOf(at: number, zone: string): string {
  const [year, month, day] = dateInZone(zone, at);
  const date = new Date(Date.UTC(year, month - 1, day));
  // The Thursday of the week determines the year.
  date.setUTCDate(date.getUTCDate() + 4 - (date.getUTCDay() || 7));
  const days = (date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000;
  return `${date.getUTCFullYear()}-W${String(Math.floor(days / 7) + 1).padStart(2, '0')}`;
}
