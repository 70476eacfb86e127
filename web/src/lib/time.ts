import { useEffect, useRef, useState } from 'react';

/** The current time, updated at an interval. */
export function useNow(intervalMs = 30_000): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), intervalMs);
    return () => clearInterval(timer);
  }, [intervalMs]);
  return now;
}

/** Runs a function at an interval while the page is visible. */
export function usePolling(run: () => void, intervalMs: number): void {
  const latest = useRef(run);
  useEffect(() => {
    latest.current = run;
  });
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') latest.current();
    }, intervalMs);
    return () => clearInterval(timer);
  }, [intervalMs]);
}

/** The value, once it has not changed for `delayMs`. */
export function useDebounced<T>(value: T, delayMs: number): T {
  const [debounced, setDebounced] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setDebounced(value), delayMs);
    return () => clearTimeout(timer);
  }, [value, delayMs]);
  return debounced;
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Chinese texts have a space between a number and its unit; `Intl` writes none. */
function formatUnit(value: number, unit: string, language: string): string {
  const text = new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'short' }).format(value);
  return text.replace(/(\d)(?=\p{Script=Han})/u, '$1 ');
}

/** A duration in its largest unit: 45 s, 12 min, 3 h, 5 d. */
export function formatDuration(milliseconds: number, language: string): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const [value, unit] =
    seconds < MINUTE ? [seconds, 'second']
    : seconds < HOUR ? [Math.floor(seconds / MINUTE), 'minute']
    : seconds < 2 * DAY ? [Math.floor(seconds / HOUR), 'hour']
    : [Math.floor(seconds / DAY), 'day'];
  return formatUnit(value, unit, language);
}

/** A duration in its two largest units: 3 h 12 min. Below an hour it has seconds, for countdowns. */
export function formatDurationPrecise(milliseconds: number, language: string): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const [large, small] =
    seconds < HOUR ? (['minute', 'second'] as const)
    : seconds < 2 * DAY ? (['hour', 'minute'] as const)
    : (['day', 'hour'] as const);
  const length = { day: DAY, hour: HOUR, minute: MINUTE, second: 1 };
  const parts = [[Math.floor(seconds / length[large]), large], [Math.floor((seconds % length[large]) / length[small]), small]] as const;
  const nonZero = parts.filter(([value]) => value > 0);
  return (nonZero.length > 0 ? nonZero : parts.slice(1))
    .map(([value, unit]) => formatUnit(value, unit, language))
    .join(' ');
}

/** A date and time, without seconds. */
export function formatDateTime(instant: string, language: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(instant));
}

/** A short time: for today the time only, else with the date. `formatDateTime` has the full form. */
export function formatDateTimeShort(instant: string, language: string, now = Date.now()): string {
  const at = new Date(instant);
  const today = at.toDateString() === new Date(now).toDateString();
  const withinHalfYear = Math.abs(now - at.getTime()) < 180 * DAY * 1000;
  const time = { hour: 'numeric', minute: '2-digit' } as const;
  return today || withinHalfYear ?
      new Intl.DateTimeFormat(language, today ? time : { month: 'short', day: 'numeric', ...time }).format(at)
    : formatDateTime(instant, language);
}

/** A minute of the day in the format of a time field: 09:30. */
export function formatMinuteOfDay(minute: number): string {
  return [Math.floor(minute / 60), minute % 60].map((part) => String(part).padStart(2, '0')).join(':');
}

/** The minute of the day from a time field; `null` where it is empty. */
export function parseMinuteOfDay(time: string): number | null {
  const [hours, minutes] = time.split(':');
  return time === '' || minutes === undefined ? null : Number(hours) * 60 + Number(minutes);
}

/** The name of a weekday; 1 is Monday. */
export function weekdayName(day: number, language: string): string {
  // 1 January 2024 was a Monday.
  return new Intl.DateTimeFormat(language, { weekday: 'short', timeZone: 'UTC' }).format(Date.UTC(2024, 0, day));
}
