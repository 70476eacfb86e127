/** How an SLA clock stands at a moment between two answers of the server. */
import type { ClockFragment } from '../gql';
import type { Say } from '../i18n';
import { shortly, stretch } from '../lib/clock';

/**
 * Seconds left. The calendar's figure is as old as the answer, and nights and holidays do not count: until it is due by
 * the wall clock is never less, and at the end the same.
 */
export function left({ dueAt, remainingSeconds }: Pick<ClockFragment, 'dueAt' | 'remainingSeconds'>, now: number): number {
  const counted = remainingSeconds ?? 0;
  return dueAt === null ? counted : Math.min(counted, Math.max(0, (Date.parse(dueAt) - now) / 1000));
}

/** How a clock stands, in words. */
export function standing(
  t: Say,
  { state, dueAt, remainingSeconds, elapsedSeconds }: Pick<ClockFragment, 'state' | 'dueAt' | 'remainingSeconds' | 'elapsedSeconds'>,
  now: number,
  lang: string,
): string {
  const ended = remainingSeconds === null;
  if (ended) return t(state === 'MET' ? 'sla.met' : 'sla.missed', { span: stretch(elapsedSeconds * 1000, lang) });
  if (dueAt === null) return t('sla.paused', { span: stretch(remainingSeconds * 1000, lang) });
  const wait = Date.parse(dueAt) - now;
  const values = { span: stretch(Math.abs(wait), lang), at: shortly(dueAt, lang, now) };
  return t(wait > 0 ? 'sla.due' : 'sla.overdue', values);
}
