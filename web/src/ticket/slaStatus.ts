/** The SLA status of a clock at a moment between two results from the server. */
import type { ClockFragment } from '../gql';
import type { Translate } from '../i18n';
import { formatDateTimeShort, formatDurationPrecise } from '../lib/time';

/**
 * The seconds left. The server counts working hours only and its figure may be out of date, so the time until the due
 * date is the upper bound.
 */
export function secondsLeft({ dueAt, remainingSeconds }: Pick<ClockFragment, 'dueAt' | 'remainingSeconds'>, now: number): number {
  const reported = remainingSeconds ?? 0;
  return dueAt === null ? reported : Math.min(reported, Math.max(0, (Date.parse(dueAt) - now) / 1000));
}

/** The SLA status of a clock as text. */
export function slaStatusText(
  t: Translate,
  { state, dueAt, remainingSeconds, elapsedSeconds }: Pick<ClockFragment, 'state' | 'dueAt' | 'remainingSeconds' | 'elapsedSeconds'>,
  now: number,
  lang: string,
): string {
  const ended = remainingSeconds === null;
  if (ended) return t(state === 'MET' ? 'sla.met' : 'sla.missed', { span: formatDurationPrecise(elapsedSeconds * 1000, lang) });
  if (dueAt === null) return t('sla.paused', { span: formatDurationPrecise(remainingSeconds * 1000, lang) });
  const untilDue = Date.parse(dueAt) - now;
  const values = { span: formatDurationPrecise(Math.abs(untilDue), lang), at: formatDateTimeShort(dueAt, lang, now) };
  return t(untilDue > 0 ? 'sla.due' : 'sla.overdue', values);
}
