import { useCallback, useEffect, useRef, useState } from 'react';
import { Link } from 'wouter';
import type { Session } from '../api/session';
import type { MessageFragment } from '../gql';
import { useLanguage } from '../i18n';
import { useStore } from '../lib/store';
import { alarmStore, dismissAlarms, useNotifications, type Alarm } from './notifications';

/** A toast that is not an alarm disappears after this time. */
const TOAST_MS = 10_000;
/** The maximum number of toasts; for the others only their number is shown. */
const TOASTS_MAX = 3;

export function NotificationPopups({ viewer }: { viewer: Session['viewer'] }) {
  const [lang, t] = useLanguage();
  const percent = new Intl.NumberFormat(lang, { style: 'percent' });
  const [toasts, setToasts] = useState<readonly MessageFragment[]>([]);
  const showToast = useCallback((message: MessageFragment) => {
    const withoutMessage = (current: readonly MessageFragment[]) => current.filter(({ id }) => id !== message.id);
    setToasts((current) => [...withoutMessage(current), message]);
    setTimeout(() => setToasts(withoutMessage), TOAST_MS);
  }, []);
  useNotifications(viewer.id, showToast);
  const ownAlarms = useStore(alarmStore).filter(({ user }) => user === viewer.id);
  const hiddenCount = toasts.length - TOASTS_MAX;
  return (
    <>
      {ownAlarms.length > 0 && <AlarmDialog alarms={ownAlarms} />}
      <div className="toasts" role="status">
        {toasts.slice(-TOASTS_MAX).map(({ id, cause, title, ticket, similarCases }) => (
          <div key={id} className="toast" data-testid="toast">
            <span className="quiet">{t(`cause.${cause}`)}</span>
            <Link href={ticket ? `/tickets/${ticket.number}` : '/me'}>{title}</Link>
            {similarCases.map(({ score, ticket: { id: caseId, number, title: caseTitle } }) => (
              <Link key={caseId} className="quiet" href={`/tickets/${number}`} data-testid="toast-case">
                #{number} {percent.format(score)} {caseTitle}
              </Link>
            ))}
          </div>
        ))}
        {hiddenCount > 0 && (
          <p className="toast">
            <Link href="/me">{t('notification.more', { count: hiddenCount })}</Link>
          </p>
        )}
      </div>
    </>
  );
}

/** An escalation alarm stays until the user dismisses it. */
function AlarmDialog({ alarms }: { alarms: readonly Alarm[] }) {
  const [, t] = useLanguage();
  const dialog = useRef<HTMLDivElement>(null);
  const newest = alarms.at(-1)?.id;
  useEffect(() => {
    // Does not take the focus from an input field.
    const isEditing = document.activeElement instanceof HTMLElement && document.activeElement !== document.body;
    if (!isEditing) dialog.current?.focus();
  }, [newest]);
  return (
    <div className="alarm" role="alertdialog" aria-labelledby="alarm-title" aria-describedby="alarm-text" tabIndex={-1} ref={dialog} data-testid="alarm">
      <h2 id="alarm-title">{t('alarm.title')}</h2>
      <ul id="alarm-text">
        {alarms.map(({ id, cause, title, number }) => (
          <li key={id}>
            <span className="badge URGENT">{t(`cause.${cause}`)}</span>
            {number === null ? title : (
              <Link href={`/tickets/${number}`} onClick={() => dismissAlarms([id])}>
                {title}
              </Link>
            )}
          </li>
        ))}
      </ul>
      <button type="button" className="primary" onClick={() => dismissAlarms(alarms.map(({ id }) => id))} data-testid="alarm-dismiss">
        {t('alarm.dismiss')}
      </button>
    </div>
  );
}
