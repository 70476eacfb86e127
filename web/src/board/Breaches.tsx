import { useEffect, useState } from 'react';
import { Link } from 'wouter';
import { client } from '../api/client';
import { UpcomingBreachesDocument, type UpcomingBreachesQuery } from '../gql';
import { useLanguage } from '../i18n';
import { useNow } from '../lib/time';
import { Store, useStore } from '../lib/store';
import { slaStatusText } from '../ticket/slaStatus';

/** Shows clocks that are due within this time, while there is still time to act. */
const LOOKAHEAD_MS = 4 * 60 * 60 * 1000;
const MAX_ROWS = 100;
const REFRESH_MS = 60_000;

type UpcomingBreaches = UpcomingBreachesQuery['upcomingBreaches'];

const expandedStore = new Store<boolean>(
  'buoy.breaches',
  (stored) => stored === 'open',
  (expanded) => (expanded ? 'open' : null),
);

/** SLA clocks that are overdue or due soon. They expire without an event, so they are polled every minute. */
function useBreaches(): UpcomingBreaches | null {
  const [breaches, setBreaches] = useState<UpcomingBreaches | null>(null);
  useEffect(() => {
    let disposed = false;
    const load = async () => {
      if (document.visibilityState !== 'visible') return;
      const dueBefore = new Date(Date.now() + LOOKAHEAD_MS).toISOString();
      const { data } = await client.query(UpcomingBreachesDocument, { dueBefore, first: MAX_ROWS }).toPromise();
      if (!disposed && data) setBreaches(data.upcomingBreaches);
    };
    const reload = () => void load();
    reload();
    const timer = setInterval(reload, REFRESH_MS);
    document.addEventListener('visibilitychange', reload);
    return () => {
      disposed = true;
      clearInterval(timer);
      document.removeEventListener('visibilitychange', reload);
    };
  }, []);
  return breaches;
}

/** A summary for supervisors: how many clocks are overdue, and which are due next. */
export function Breaches() {
  const [lang, t] = useLanguage();
  const expanded = useStore(expandedStore);
  const breaches = useBreaches();
  const now = useNow(1_000);
  if (!breaches || breaches.nodes.length === 0) return null;
  const withDueDate = breaches.nodes.filter(({ clock }) => clock.dueAt !== null);
  const overdue = withDueDate.filter(({ clock }) => Date.parse(clock.dueAt ?? '') <= now);
  const notYetOverdue = withDueDate.filter((breach) => !overdue.includes(breach));
  // Tickets that can still meet their target come first.
  const rows = [...notYetOverdue, ...overdue];
  return (
    <details className="breaches" open={expanded} onToggle={(event) => expandedStore.set(event.currentTarget.open)} data-testid="breaches">
      <summary>
        <strong className={overdue.length > 0 ? 'overdue' : ''}>
          {t('breach.overdue', { count: `${overdue.length}${breaches.pageInfo.hasNextPage ? '+' : ''}` })}
        </strong>{' '}
        · {t('breach.dueSoon', { count: notYetOverdue.length })}
      </summary>
      <ol>
        {rows.map(({ clock, ticket }) => ticket && (
          <li key={`${ticket.number} ${clock.metric}`} className={overdue.some((breach) => breach.clock === clock) ? 'line overdue' : 'line'}>
            <Link href={`/tickets/${ticket.number}`}>
              <span className="number">#{ticket.number}</span> {ticket.title}
            </Link>
            {ticket.priority !== 'NORMAL' && <span className={`badge ${ticket.priority}`}>{t(`priority.${ticket.priority}`)}</span>}
            <span className="quiet">
              {t(`sla.${clock.metric}`)} · {ticket.assignee?.name ?? t('board.unassigned')}
            </span>
            <span className="when">{slaStatusText(t, clock, now, lang)}</span>
          </li>
        ))}
      </ol>
    </details>
  );
}
