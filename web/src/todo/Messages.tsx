import { useCallback, useEffect, useRef, useState } from 'react';
import { Link } from 'wouter';
import type { Session } from '../api/session';
import type { MessageFragment } from '../gql';
import { useLanguage } from '../i18n';
import { useStore } from '../lib/store';
import { alarms, dismiss, useInbox, type Alarm } from './inbox';

/** A message that is no alarm goes by itself. */
const SHOWN_MS = 10_000;
/** Messages at one time; of more the number is said. */
const SHOWN_MAX = 3;

export function Messages({ viewer }: { viewer: Session['viewer'] }) {
  const [lang, t] = useLanguage();
  const percent = new Intl.NumberFormat(lang, { style: 'percent' });
  const [toasts, setToasts] = useState<readonly MessageFragment[]>([]);
  const show = useCallback((message: MessageFragment) => {
    const without = (was: readonly MessageFragment[]) => was.filter(({ id }) => id !== message.id);
    setToasts((was) => [...without(was), message]);
    setTimeout(() => setToasts(without), SHOWN_MS);
  }, []);
  useInbox(viewer.id, show);
  const mine = useStore(alarms).filter(({ user }) => user === viewer.id);
  const more = toasts.length - SHOWN_MAX;
  return (
    <>
      {mine.length > 0 && <AlarmDialog alarms={mine} />}
      <div className="toasts" role="status">
        {toasts.slice(-SHOWN_MAX).map(({ id, cause, title, ticket, similarCases }) => (
          <div key={id} className="toast" data-testid="toast">
            <span className="quiet">{t(`cause.${cause}`)}</span>
            <Link href={ticket ? `/tickets/${ticket.number}` : '/me'}>{title}</Link>
            {similarCases.map(({ score, ticket: { id: of, number, title: said } }) => (
              <Link key={of} className="quiet" href={`/tickets/${number}`} data-testid="toast-case">
                #{number} {percent.format(score)} {said}
              </Link>
            ))}
          </div>
        ))}
        {more > 0 && (
          <p className="toast">
            <Link href="/me">{t('told.more', { count: more })}</Link>
          </p>
        )}
      </div>
    </>
  );
}

/** A level of escalation fired: it stays until somebody says that they have seen it. */
function AlarmDialog({ alarms: fired }: { alarms: readonly Alarm[] }) {
  const [, t] = useLanguage();
  const dialog = useRef<HTMLDivElement>(null);
  const newest = fired.at(-1)?.id;
  useEffect(() => {
    // Whoever is writing is not torn away from it.
    const writing = document.activeElement instanceof HTMLElement && document.activeElement !== document.body;
    if (!writing) dialog.current?.focus();
  }, [newest]);
  return (
    <div className="alarm" role="alertdialog" aria-labelledby="alarm-title" aria-describedby="alarm-text" tabIndex={-1} ref={dialog} data-testid="alarm">
      <h2 id="alarm-title">{t('alarm.title')}</h2>
      <ul id="alarm-text">
        {fired.map(({ id, cause, title, number }) => (
          <li key={id}>
            <span className="badge URGENT">{t(`cause.${cause}`)}</span>
            {number === null ? title : (
              <Link href={`/tickets/${number}`} onClick={() => dismiss([id])}>
                {title}
              </Link>
            )}
          </li>
        ))}
      </ul>
      <button type="button" className="primary" onClick={() => dismiss(fired.map(({ id }) => id))} data-testid="alarm-dismiss">
        {t('alarm.dismiss')}
      </button>
    </div>
  );
}
