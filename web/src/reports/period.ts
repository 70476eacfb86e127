/** Periods of a report: half open, their days begin in the organisation's time zone. */

export const PRESETS = ['days7', 'days30', 'days90', 'month', 'lastMonth', 'quarter'] as const;
export type Preset = (typeof PRESETS)[number];

export type Interval = 'DAY' | 'WEEK' | 'MONTH';

export interface Span {
  from: string;
  to: string;
  /** What its series is cut into. */
  interval: Interval;
}

/** The date in a zone: year, month from 1, day. */
function dateIn(zone: string, at: number): [number, number, number] {
  const parts = new Intl.DateTimeFormat('en-CA', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' });
  const [year = 0, month = 1, day = 1] = parts.format(at).split('-').map(Number);
  return [year, month, day];
}

/** How far a zone's clocks are ahead of UTC. */
function offset(zone: string, at: number): number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone, hourCycle: 'h23',
    year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric',
  });
  const part = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(at / 1000) * 1000;
}

/** The beginning of a day; months and days beyond their range go on in the next. */
function midnight(zone: string, year: number, month: number, day: number): number {
  const utc = Date.UTC(year, month - 1, day);
  // Twice: the offset at the guess may not be the one at midnight.
  const guess = utc - offset(zone, utc);
  return utc - offset(zone, guess);
}

export function spanOf(preset: Preset, now: number, zone: string): Span {
  const [year, month, day] = dateIn(zone, now);
  const span = (from: number, to: number, interval: Interval): Span => ({
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    interval,
  });
  const tomorrow = midnight(zone, year, month, day + 1);
  const quarter = Math.floor((month - 1) / 3) * 3 + 1;
  switch (preset) {
    case 'days7':
      return span(midnight(zone, year, month, day - 6), tomorrow, 'DAY');
    case 'days30':
      return span(midnight(zone, year, month, day - 29), tomorrow, 'DAY');
    case 'days90':
      return span(midnight(zone, year, month, day - 89), tomorrow, 'WEEK');
    case 'month':
      return span(midnight(zone, year, month, 1), midnight(zone, year, month + 1, 1), 'DAY');
    case 'lastMonth':
      return span(midnight(zone, year, month - 1, 1), midnight(zone, year, month, 1), 'DAY');
    case 'quarter':
      return span(midnight(zone, year, quarter, 1), midnight(zone, year, quarter + 3, 1), 'WEEK');
  }
}

/** The newest months, this one first, as 2026-10. */
export function months(now: number, zone: string, count: number): string[] {
  const [year, month] = dateIn(zone, now);
  return Array.from({ length: count }, (_, back) => new Date(Date.UTC(year, month - 1 - back, 1)).toISOString().slice(0, 7));
}

/** The quarter of a month: 2026-10 lies in 2026-Q4. */
export function quarterOf(month: string): string {
  const [year = '', number = '1'] = month.split('-');
  return `${year}-Q${Math.ceil(Number(number) / 3)}`;
}

/** The ISO week of an instant, as 2026-W47: weeks begin on Monday, and the first holds the year's first Thursday. */
export function weekOf(at: number, zone: string): string {
  const [year, month, day] = dateIn(zone, at);
  const date = new Date(Date.UTC(year, month - 1, day));
  // The Thursday of its week decides the year.
  date.setUTCDate(date.getUTCDate() + 4 - (date.getUTCDay() || 7));
  const days = (date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000;
  return `${date.getUTCFullYear()}-W${String(Math.floor(days / 7) + 1).padStart(2, '0')}`;
}
