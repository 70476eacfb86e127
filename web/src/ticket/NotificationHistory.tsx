/** The notifications of a ticket with their delivery state. */
import type { ReactNode } from 'react';
import type { NotificationState, NotificationRowFragment, VerdictFragment } from '../gql';
import { useLanguage } from '../i18n';
import { formatDateTime, formatDateTimeShort, formatDuration, useNow } from '../lib/time';

/** This many are shown; a ticket that was reassigned often has dozens. */
const RECENT_COUNT = 6;

/** Newest first, because the latest deliveries matter most. */
export function NotificationHistory({ notifications }: { notifications: readonly NotificationRowFragment[] }) {
  const [, t] = useLanguage();
  const newest = [...notifications].reverse();
  const earlier = newest.slice(RECENT_COUNT);
  return (
    <section className="notification-history">
      <h2>{t('notification.title')}</h2>
      {newest.length === 0 && <p className="quiet">{t('notification.none')}</p>}
      <NotificationList notifications={newest.slice(0, RECENT_COUNT)} />
      {earlier.length > 0 && (
        <details>
          <summary>{t('notification.earlier', { count: earlier.length })}</summary>
          <NotificationList notifications={earlier} />
        </details>
      )}
    </section>
  );
}

function NotificationList({ notifications }: { notifications: readonly NotificationRowFragment[] }) {
  const [, t] = useLanguage();
  return (
    <ol className="notices">
      {notifications.map((notification) => (
        <NotificationItem key={notification.id} notification={notification}>
          <strong>{notification.recipient.name}</strong> <span className="quiet">{t(`cause.${notification.cause}`)}</span>
        </NotificationItem>
      ))}
    </ol>
  );
}

/** One notification: a summary (the children), its progress, and the delivery attempts. */
export function NotificationItem({ notification, children }: { notification: NotificationRowFragment; children: ReactNode }) {
  const [lang, t] = useLanguage();
  return (
    <li className="notice" id={`notification-${notification.id}`} data-testid="notification" data-state={notification.state}>
      <p className="line">
        {children}
        <span className="badge">{t(`channel.${notification.channel}`)}</span>
      </p>
      <DeliveryProgress notification={notification} />
      {notification.failure && notification.state !== 'OPENED' && <p className="failure">{notification.failure}</p>}
      {notification.deliveries.length > 0 && (
        <details>
          <summary>{t('notification.deliveries', { count: notification.deliveries.length })}</summary>
          <ol className="deliveries">
            {notification.deliveries.map((delivery, index) => (
              <li key={index}>
                <p className="line">
                  <strong>{t(`channel.${delivery.channel}`)}</strong>
                  <span className={`badge ${delivery.state}`}>{t(`delivery.${delivery.state}`)}</span>
                  <span className="quiet">{t('notification.attempts', { count: delivery.attempts })}</span>
                  {delivery.repeated && <span className="badge">{t('notification.repeated')}</span>}
                  {delivery.inDigest && <span className="badge">{t('notification.inDigest')}</span>}
                </p>
                <p className="quiet">
                  {t('notification.queued')} {formatDateTimeShort(delivery.queuedAt, lang)}
                  {delivery.sentAt && ` · ${t('notification.sent')} ${formatDateTimeShort(delivery.sentAt, lang)}`}
                  {delivery.deliveredAt && ` · ${t('notification.delivered')} ${formatDateTimeShort(delivery.deliveredAt, lang)}`}
                </p>
                {delivery.failure && <p className="failure">{delivery.failure}</p>}
              </li>
            ))}
          </ol>
        </details>
      )}
    </li>
  );
}

const UNDELIVERED_STATES: readonly NotificationState[] = ['FAILED', 'DECIDED', 'UNKNOWN'];

/** The progress of a notification: created, sent, delivered, opened. */
function DeliveryProgress({ notification }: { notification: NotificationRowFragment }) {
  const [lang, t] = useLanguage();
  const { state } = notification;
  const milestones = [
    [t('notification.decided'), notification.decidedAt],
    [t('notification.sent'), notification.sentAt],
    [t('notification.delivered'), notification.deliveredAt],
    [t('notification.opened'), notification.openedAt],
  ] as const;
  return (
    <p className="delivery-progress">
      <span className={`badge ${state}`}>{t(`notification.state.${state}`)}</span>
      {milestones.map(([name, at], index) => (
        <span key={index} className={at ? 'mark on' : UNDELIVERED_STATES.includes(state) ? 'mark lost' : 'mark'}>
          {name} {at && <time dateTime={at} title={formatDateTime(at, lang)}>{formatDateTimeShort(at, lang)}</time>}
        </span>
      ))}
    </p>
  );
}

/** The reason for the missing response, with the notifications that prove it. */
export function Verdict({ verdict, notifications }: { verdict: VerdictFragment; notifications: readonly NotificationRowFragment[] }) {
  const [lang, t] = useLanguage();
  const now = useNow();
  const evidence = verdict.evidence.flatMap(({ id }) => notifications.find((notification) => notification.id === id) ?? []);
  return (
    <div className={`verdict ${verdict.reason}`} data-testid="verdict" data-reason={verdict.reason}>
      <h2>{t('verdict.title')}</h2>
      <p>
        <strong>{verdict.message}</strong>
      </p>
      <p className="quiet" title={formatDateTime(verdict.since, lang)}>
        {t('verdict.since', { span: formatDuration(now - Date.parse(verdict.since), lang) })}
      </p>
      {evidence.length > 0 && (
        <ul>
          {evidence.map((notification) => (
            <li key={notification.id}>
              <a href={`#notification-${notification.id}`}>{t(`cause.${notification.cause}`)}</a> · {notification.recipient.name} · {t(`notification.state.${notification.state}`)} ·{' '}
              {formatDateTimeShort(notification.openedAt ?? notification.deliveredAt ?? notification.sentAt ?? notification.decidedAt, lang)}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
