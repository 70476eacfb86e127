/** Who was told of a ticket, by which way, and what came of it. */
import type { ReactNode } from 'react';
import type { NotificationState, ToldFragment, VerdictFragment } from '../gql';
import { useLanguage } from '../i18n';
import { moment, shortly, span, useNow } from '../lib/clock';

/** So many are in sight; a ticket that went from hand to hand has dozens. */
const IN_SIGHT = 6;

/** Newest first: what matters is what became of the last ones. */
export function Told({ notifications }: { notifications: readonly ToldFragment[] }) {
  const [, t] = useLanguage();
  const newest = [...notifications].reverse();
  const earlier = newest.slice(IN_SIGHT);
  return (
    <section className="told">
      <h2>{t('told.title')}</h2>
      {newest.length === 0 && <p className="quiet">{t('told.none')}</p>}
      <Notices told={newest.slice(0, IN_SIGHT)} />
      {earlier.length > 0 && (
        <details>
          <summary>{t('told.earlier', { count: earlier.length })}</summary>
          <Notices told={earlier} />
        </details>
      )}
    </section>
  );
}

function Notices({ told }: { told: readonly ToldFragment[] }) {
  const [, t] = useLanguage();
  return (
    <ol className="notices">
      {told.map((one) => (
        <Notice key={one.id} told={one}>
          <strong>{one.recipient.name}</strong> <span className="quiet">{t(`cause.${one.cause}`)}</span>
        </Notice>
      ))}
    </ol>
  );
}

/** One message: what it is (the children), how far it came, and the ways that were tried. */
export function Notice({ told, children }: { told: ToldFragment; children: ReactNode }) {
  const [lang, t] = useLanguage();
  return (
    <li className="notice" id={`told-${told.id}`} data-testid="notification" data-state={told.state}>
      <p className="line">
        {children}
        <span className="badge">{t(`channel.${told.channel}`)}</span>
      </p>
      <Track told={told} />
      {told.failure && told.state !== 'OPENED' && <p className="failure">{told.failure}</p>}
      {told.deliveries.length > 0 && (
        <details>
          <summary>{t('told.deliveries', { count: told.deliveries.length })}</summary>
          <ol className="ways">
            {told.deliveries.map((way, place) => (
              <li key={place}>
                <p className="line">
                  <strong>{t(`channel.${way.channel}`)}</strong>
                  <span className={`badge ${way.state}`}>{t(`delivery.${way.state}`)}</span>
                  <span className="quiet">{t('told.attempts', { count: way.attempts })}</span>
                  {way.repeated && <span className="badge">{t('told.repeated')}</span>}
                  {way.inDigest && <span className="badge">{t('told.inDigest')}</span>}
                </p>
                <p className="quiet">
                  {t('told.queued')} {shortly(way.queuedAt, lang)}
                  {way.sentAt && ` · ${t('told.sent')} ${shortly(way.sentAt, lang)}`}
                  {way.deliveredAt && ` · ${t('told.delivered')} ${shortly(way.deliveredAt, lang)}`}
                </p>
                {way.failure && <p className="failure">{way.failure}</p>}
              </li>
            ))}
          </ol>
        </details>
      )}
    </li>
  );
}

const LOST: readonly NotificationState[] = ['FAILED', 'DECIDED', 'UNKNOWN'];

/** Decided, sent, delivered, opened: how far it came. */
function Track({ told }: { told: ToldFragment }) {
  const [lang, t] = useLanguage();
  const { state } = told;
  const marks = [
    [t('told.decided'), told.decidedAt],
    [t('told.sent'), told.sentAt],
    [t('told.delivered'), told.deliveredAt],
    [t('told.opened'), told.openedAt],
  ] as const;
  return (
    <p className="track">
      <span className={`badge ${state}`}>{t(`told.state.${state}`)}</span>
      {marks.map(([name, at], place) => (
        <span key={place} className={at ? 'mark on' : LOST.includes(state) ? 'mark lost' : 'mark'}>
          {name} {at && <time dateTime={at} title={moment(at, lang)}>{shortly(at, lang)}</time>}
        </span>
      ))}
    </p>
  );
}

/** Why nobody has answered, as a sentence, with the messages that prove it. */
export function Verdict({ verdict, notifications }: { verdict: VerdictFragment; notifications: readonly ToldFragment[] }) {
  const [lang, t] = useLanguage();
  const now = useNow();
  const proof = verdict.evidence.flatMap(({ id }) => notifications.find((told) => told.id === id) ?? []);
  return (
    <div className={`verdict ${verdict.reason}`} data-testid="verdict" data-reason={verdict.reason}>
      <h2>{t('verdict.title')}</h2>
      <p>
        <strong>{verdict.message}</strong>
      </p>
      <p className="quiet" title={moment(verdict.since, lang)}>
        {t('verdict.since', { span: span(now - Date.parse(verdict.since), lang) })}
      </p>
      {proof.length > 0 && (
        <ul>
          {proof.map((told) => (
            <li key={told.id}>
              <a href={`#told-${told.id}`}>{t(`cause.${told.cause}`)}</a> · {told.recipient.name} · {t(`told.state.${told.state}`)} ·{' '}
              {shortly(told.openedAt ?? told.deliveredAt ?? told.sentAt ?? told.decidedAt, lang)}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
