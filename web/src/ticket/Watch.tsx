/** What Buoy watches over a ticket, for staff: its clocks, its levels of escalation, who was told, why it went to whom. */
import { useEffect, useState } from 'react';
import { client } from '../api/client';
import { TicketWatchDocument, type PageFragment, type TicketWatchQuery } from '../gql';
import { useLanguage } from '../i18n';
import { moment, useSettled } from '../lib/clock';
import { Clocks } from './Clocks';
import { Levels } from './Levels';
import { Verdict } from './Told';

export type Watched = NonNullable<TicketWatchQuery['ticket']>;

/** Messages are on their way for some seconds after something happened. */
const SETTLED_MS = 4_000;

/**
 * Loaded anew when the ticket changes or something happens to it (a level that fires is an event without a version), and
 * once more when that has settled, for what its messages came to.
 */
export function useWatched(page: PageFragment, staff: boolean): Watched | null {
  const mark = `${page.version} ${page.events.nodes.at(-1)?.cursor ?? ''}`;
  const settled = useSettled(mark, SETTLED_MS);
  const [watched, setWatched] = useState<Watched | null>(null);
  const { id } = page;
  useEffect(() => {
    if (!staff) return;
    let gone = false;
    const load = async () => {
      const { data } = await client.query(TicketWatchDocument, { id }).toPromise();
      // Where it cannot be loaded, what was there stays: the page itself says that the connection is lost.
      if (!gone && data?.ticket) setWatched(data.ticket);
    };
    void load();
    return () => {
      gone = true;
    };
  }, [id, staff, mark, settled]);
  return watched;
}

/** The short of it: how long there is left, who is told next, and why nobody has answered. */
export function Watch({ watched }: { watched: Watched }) {
  const [lang, t] = useLanguage();
  const { slaClocks, escalations, unseenVerdict, notifications, noResponseMarkedAt } = watched;
  if (slaClocks.length === 0 && escalations.length === 0 && !unseenVerdict) return null;
  return (
    <section className="watch" data-testid="watch">
      {noResponseMarkedAt && <p className="note error">{t('watch.noResponse', { at: moment(noResponseMarkedAt, lang) })}</p>}
      {unseenVerdict && <Verdict verdict={unseenVerdict} notifications={notifications} />}
      {slaClocks.length > 0 && <Clocks clocks={slaClocks} />}
      {escalations.length > 0 && <Levels levels={escalations} />}
    </section>
  );
}
