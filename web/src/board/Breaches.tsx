import { useEffect, useState } from 'react';
import { Link } from 'wouter';
import { client } from '../api/client';
import { UpcomingBreachesDocument, type UpcomingBreachesQuery } from '../gql';
import { useLanguage } from '../i18n';
import { useNow } from '../lib/clock';
import { Store, useStore } from '../lib/store';
import { standing } from '../ticket/standing';

/** So far ahead somebody can still do something about it. */
const AHEAD_MS = 4 * 60 * 60 * 1000;
const MOST = 100;
const EVERY_MS = 60_000;

type Found = UpcomingBreachesQuery['upcomingBreaches'];

const unfolded = new Store<boolean>(
  'buoy.breaches',
  (kept) => kept === 'open',
  (open) => (open ? 'open' : null),
);

/** Clocks that are overdue or will be soon. They run out by themselves, without an event: looked at once a minute. */
function useBreaches(): Found | null {
  const [found, setFound] = useState<Found | null>(null);
  useEffect(() => {
    let gone = false;
    const load = async () => {
      if (document.visibilityState !== 'visible') return;
      const dueBefore = new Date(Date.now() + AHEAD_MS).toISOString();
      const { data } = await client.query(UpcomingBreachesDocument, { dueBefore, first: MOST }).toPromise();
      if (!gone && data) setFound(data.upcomingBreaches);
    };
    const again = () => void load();
    again();
    const timer = setInterval(again, EVERY_MS);
    document.addEventListener('visibilitychange', again);
    return () => {
      gone = true;
      clearInterval(timer);
      document.removeEventListener('visibilitychange', again);
    };
  }, []);
  return found;
}

/** What a supervisor looks at first: how many are overdue, and what is next. */
export function Breaches() {
  const [lang, t] = useLanguage();
  const open = useStore(unfolded);
  const found = useBreaches();
  const now = useNow(1_000);
  if (!found || found.nodes.length === 0) return null;
  const due = found.nodes.filter(({ clock }) => clock.dueAt !== null);
  const overdue = due.filter(({ clock }) => Date.parse(clock.dueAt ?? '') <= now);
  const next = due.filter((of) => !overdue.includes(of));
  // What can still be saved stands first.
  const rows = [...next, ...overdue];
  return (
    <details className="breaches" open={open} onToggle={(event) => unfolded.set(event.currentTarget.open)} data-testid="breaches">
      <summary>
        <strong className={overdue.length > 0 ? 'overdue' : ''}>
          {t('breach.overdue', { count: `${overdue.length}${found.pageInfo.hasNextPage ? '+' : ''}` })}
        </strong>{' '}
        · {t('breach.next', { count: next.length })}
      </summary>
      <ol>
        {rows.map(({ clock, ticket }) => ticket && (
          <li key={`${ticket.number} ${clock.metric}`} className={overdue.some((of) => of.clock === clock) ? 'line overdue' : 'line'}>
            <Link href={`/tickets/${ticket.number}`}>
              <span className="number">#{ticket.number}</span> {ticket.title}
            </Link>
            {ticket.priority !== 'NORMAL' && <span className={`badge ${ticket.priority}`}>{t(`priority.${ticket.priority}`)}</span>}
            <span className="quiet">
              {t(`sla.${clock.metric}`)} · {ticket.assignee?.name ?? t('board.unassigned')}
            </span>
            <span className="when">{standing(t, clock, now, lang)}</span>
          </li>
        ))}
      </ol>
    </details>
  );
}
