/** Which days of a calendar lie ahead. */

/** So far somebody looks ahead. */
export const DAYS = 60;

/** Today's date on the clocks of a time zone, as 2026-02-15. */
export function today(timeZone: string, now = Date.now()): string {
  return new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' }).format(now);
}

/** Exceptions that are on from `first` on, or begin within the days after it; in their order. */
export function coming<E extends { firstDay: string; lastDay: string }>(exceptions: readonly E[], first: string): E[] {
  const behind = new Date(Date.parse(first) + DAYS * 24 * 60 * 60 * 1000).toISOString().slice(0, 10);
  return exceptions
    .filter(({ firstDay, lastDay }) => lastDay >= first && firstDay < behind)
    .sort((a, b) => a.firstDay.localeCompare(b.firstDay));
}
