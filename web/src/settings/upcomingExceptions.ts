/** Upcoming exceptions of a calendar. */

/** How many days ahead exceptions are shown. */
export const LOOKAHEAD_DAYS = 60;

/** The current date in a time zone, as 2026-02-15. */
export function today(timeZone: string, now = Date.now()): string {
  return new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' }).format(now);
}

/** Exceptions that are in effect on `firstDate` or start within the look-ahead, in order. */
export function upcomingExceptions<E extends { firstDay: string; lastDay: string }>(exceptions: readonly E[], firstDate: string): E[] {
  const horizon = new Date(Date.parse(firstDate) + LOOKAHEAD_DAYS * 24 * 60 * 60 * 1000).toISOString().slice(0, 10);
  return exceptions
    .filter(({ firstDay, lastDay }) => lastDay >= firstDate && firstDay < horizon)
    .sort((a, b) => a.firstDay.localeCompare(b.firstDay));
}
