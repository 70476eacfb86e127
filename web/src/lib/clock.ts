import { useEffect, useState } from 'react';

/** The time now, anew every so many milliseconds. */
export function useNow(every = 30_000): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

/** A value that has stood still for so many milliseconds. */
export function useSettled<T>(value: T, after: number): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), after);
    return () => clearTimeout(timer);
  }, [value, after]);
  return settled;
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A span in its largest unit: 45 s, 12 min, 3 h, 5 d. */
export function span(milliseconds: number, language: string): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const [value, unit] =
    seconds < MINUTE ? [seconds, 'second']
    : seconds < HOUR ? [Math.floor(seconds / MINUTE), 'minute']
    : seconds < 2 * DAY ? [Math.floor(seconds / HOUR), 'hour']
    : [Math.floor(seconds / DAY), 'day'];
  return new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'short' }).format(value);
}

/** A span in its two largest units: 3 h 12 min; what counts down by the second under an hour. */
export function stretch(milliseconds: number, language: string): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const [large, small] =
    seconds < HOUR ? (['minute', 'second'] as const)
    : seconds < 2 * DAY ? (['hour', 'minute'] as const)
    : (['day', 'hour'] as const);
  const length = { day: DAY, hour: HOUR, minute: MINUTE, second: 1 };
  const parts = [[Math.floor(seconds / length[large]), large], [Math.floor((seconds % length[large]) / length[small]), small]] as const;
  const said = parts.filter(([value]) => value > 0);
  return (said.length > 0 ? said : parts.slice(1))
    .map(([value, unit]) => new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'short' }).format(value))
    .join(language.startsWith('zh') ? '' : ' ');
}

/** A date and time, to the minute. */
export function moment(instant: string, language: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(instant));
}

/** A time near by, as short as it is clear: the time of today, else with its date. What it says at length is `moment`. */
export function shortly(instant: string, language: string, now = Date.now()): string {
  const at = new Date(instant);
  const today = at.toDateString() === new Date(now).toDateString();
  const near = Math.abs(now - at.getTime()) < 180 * DAY * 1000;
  const time = { hour: 'numeric', minute: '2-digit' } as const;
  return today || near ?
      new Intl.DateTimeFormat(language, today ? time : { month: 'short', day: 'numeric', ...time }).format(at)
    : moment(instant, language);
}

/** A minute of the day as a time field has it: 09:30. */
export function ofDay(minute: number): string {
  return [Math.floor(minute / 60), minute % 60].map((part) => String(part).padStart(2, '0')).join(':');
}

/** The minute of the day that a time field holds; `null` where it is empty. */
export function toMinute(time: string): number | null {
  const [hours, minutes] = time.split(':');
  return time === '' || minutes === undefined ? null : Number(hours) * 60 + Number(minutes);
}

/** The name of a weekday; 1 is Monday. */
export function weekday(day: number, language: string): string {
  // The first of January 2024 was one.
  return new Intl.DateTimeFormat(language, { weekday: 'short', timeZone: 'UTC' }).format(Date.UTC(2024, 0, day));
}
