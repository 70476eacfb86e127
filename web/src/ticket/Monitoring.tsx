/** Monitoring of a ticket, for staff: SLA clocks, escalation levels, notifications and assignment reasons. */
import { useEffect, useState } from 'react';
import { client } from '../api/client';
import { TicketMonitoringDocument, type TicketPageFragment, type TicketMonitoringQuery } from '../gql';
import { useLanguage } from '../i18n';
import { formatDateTime, useDebounced } from '../lib/time';
import { SlaClocks } from './SlaClocks';
import { EscalationLevels } from './EscalationLevels';
import { Verdict } from './NotificationHistory';

export type MonitoringData = NonNullable<TicketMonitoringQuery['ticket']>;

/** Notifications are delivered within a few seconds after an event. */
const RELOAD_DELAY_MS = 4_000;

/**
 * Reloads when the ticket changes or has a new event (an escalation does not change the version), and once more after a
 * delay, for the state of its notifications.
 */
export function useMonitoring(page: TicketPageFragment, staff: boolean): MonitoringData | null {
  const changeKey = `${page.version} ${page.events.nodes.at(-1)?.cursor ?? ''}`;
  const delayedKey = useDebounced(changeKey, RELOAD_DELAY_MS);
  const [monitoring, setMonitoring] = useState<MonitoringData | null>(null);
  const { id } = page;
  useEffect(() => {
    if (!staff) return;
    let disposed = false;
    const load = async () => {
      const { data } = await client.query(TicketMonitoringDocument, { id }).toPromise();
      // On failure the old data stays; the page already shows that the connection is lost.
      if (!disposed && data?.ticket) setMonitoring(data.ticket);
    };
    void load();
    return () => {
      disposed = true;
    };
  }, [id, staff, changeKey, delayedKey]);
  return monitoring;
}

/** A summary: SLA, escalation, and why there is no response yet. */
export function MonitoringPanel({ monitoring }: { monitoring: MonitoringData }) {
  const [lang, t] = useLanguage();
  const { slaClocks, escalations, unseenVerdict, notifications, noResponseMarkedAt } = monitoring;
  if (slaClocks.length === 0 && escalations.length === 0 && !unseenVerdict) return null;
  return (
    <section className="monitoring" data-testid="monitoring">
      {noResponseMarkedAt && <p className="note error">{t('ticket.noResponse', { at: formatDateTime(noResponseMarkedAt, lang) })}</p>}
      {unseenVerdict && <Verdict verdict={unseenVerdict} notifications={notifications} />}
      {slaClocks.length > 0 && <SlaClocks clocks={slaClocks} />}
      {escalations.length > 0 && <EscalationLevels levels={escalations} />}
    </section>
  );
}
