import { useEffect, useState, type SubmitEvent } from 'react';
import { useQuery } from 'urql';
import { Link, useLocation } from 'wouter';
import { follow } from '../api/client';
import { PanoramaDocument, TicketEventsDocument, type PanoramaQuery, type SaidFragment, type SentFragment } from '../gql';
import { named, useLanguage } from '../i18n';
import { moment } from '../lib/clock';
import { ErrorNote } from '../shell/ErrorNote';

type Panorama = NonNullable<PanoramaQuery['panorama']>;

/** 客户工单全景视图: any original number, and what every system holds. */
export function PanoramaPage({ reference }: { reference: string | null }) {
  const [, t] = useLanguage();
  const [, go] = useLocation();
  const [text, setText] = useState(reference ?? '');
  const [system, setSystem] = useState('');
  const [{ data, error, fetching }, load] = useQuery({
    query: PanoramaDocument,
    variables: { reference: reference ?? '', system: system || null },
    pause: reference === null,
  });
  const id = data?.panorama?.ticket.id;
  useEffect(() => {
    if (id === undefined) return;
    // Whatever happens to it may be something that a system said.
    const again = () => load({ requestPolicy: 'network-only' });
    return follow(TicketEventsDocument, { ticketId: id, after: null }, { event: ({ ticketEvents: { cursor } }) => (again(), cursor), live: () => {}, refused: () => {} });
  }, [id, load]);
  const find = (event: SubmitEvent) => {
    event.preventDefault();
    if (text.trim() !== '') go(`/panorama/${encodeURIComponent(text.trim())}`);
  };
  return (
    <>
      <form className="toolbar" onSubmit={find}>
        <h1>{t('panorama.title')}</h1>
        <input aria-label={t('panorama.find')} placeholder={t('panorama.find')} maxLength={128} value={text} onChange={(e) => setText(e.target.value)} data-testid="panorama-find" />
        <input aria-label={t('panorama.system')} placeholder={t('panorama.system')} maxLength={64} value={system} onChange={(e) => setSystem(e.target.value)} />
        <button type="submit">{t('nav.find.go')}</button>
      </form>
      {reference === null && <p className="quiet pad">{t('panorama.means')}</p>}
      {error && <ErrorNote error={error} again={() => load({ requestPolicy: 'network-only' })} />}
      {fetching && !data && <p className="quiet pad">{t('loading')}</p>}
      {data?.panorama && !error && <Whole of={data.panorama} />}
    </>
  );
}

function Whole({ of }: { of: Panorama }) {
  const [lang, t] = useLanguage();
  const { ticket, colour, truth, systems, conflicts } = of;
  return (
    <article className="panorama">
      <header className={`panorama-head ${colour}`} data-testid="colour" data-colour={colour}>
        <span className="dot" aria-hidden="true" />
        <div>
          <p className="line">
            <Link href={`/tickets/${ticket.number}`}>#{ticket.number}</Link> <strong>{ticket.title}</strong> <code>{ticket.token}</code>
          </p>
          <p>
            {t(`panorama.${colour}`)} · {t('panorama.truth')} <span className={`badge status ${truth}`}>{t(`status.${truth}`)}</span>
            {ticket.pendingReport && <> · {t('panorama.pending', { status: t(`status.${ticket.status}`), needs: t(`needs.${ticket.pendingReport.needs}`) })}</>}
          </p>
        </div>
      </header>
      <ul className="systems" data-testid="systems">
        {systems.map(({ system, externalId, word, status, reportedAt, agrees, acknowledged, correction }) => (
          <li key={system} className={agrees ? 'agrees' : 'differs'} data-system={system}>
            <h2>
              {system === 'BUOY' ? t('app.name') : system} {externalId && <small className="quiet">{externalId}</small>}
            </h2>
            <p className="held">{word ?? (status ? t(`status.${status}`) : t('panorama.silent'))}</p>
            <p>{status ? <span className={`badge status ${status}`}>{t(`status.${status}`)}</span> : word && <span className="quiet">{t('panorama.unknown')}</span>}</p>
            {reportedAt && <p className="quiet">{moment(reportedAt, lang)}</p>}
            <p className={agrees ? 'ok' : 'no'}>{agrees ? t('panorama.agrees') : acknowledged ? t('panorama.untold') : t('panorama.told', { status: correction ? t(`status.${correction.status}`) : '' })}</p>
            {correction?.failure && <p className="no">{t('panorama.failure', { attempts: correction.attempts, failure: correction.failure })}</p>}
          </li>
        ))}
      </ul>
      {conflicts.length > 0 && (
        <section className="panel">
          <h2>{t('panorama.conflicts')}</h2>
          <ul>
            {conflicts.map(({ id, from, reports, winner }) => (
              <li key={id}>
                {moment(from, lang)}: {reports.map((one) => (one.id === winner.id ? <strong key={one.id}> {one.system} {one.word} ✓</strong> : <span key={one.id}> {one.system} {one.word} ·</span>))}
              </li>
            ))}
          </ul>
        </section>
      )}
      <History history={of.history} changes={of.changes} />
      <Corrections corrections={of.corrections} />
    </article>
  );
}

function History({ history, changes }: { history: readonly SaidFragment[]; changes: readonly SaidFragment[] }) {
  const [lang, t] = useLanguage();
  const all = [...history, ...changes].sort((a, b) => Date.parse(b.timestamp) - Date.parse(a.timestamp));
  if (all.length === 0) return null;
  return (
    <section className="panel">
      <h2>{t('panorama.history')}</h2>
      <table data-testid="history">
        <thead>
          <tr>
            {(['timestamp', 'system', 'word', 'status', 'operator', 'outcome', 'received'] as const).map((name) => (
              <th key={name}>{t(`panorama.col.${name}`)}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {all.map((one) => (
            <tr key={one.id} className={one.outcome}>
              <td>{moment(one.timestamp, lang)}</td>
              <td>{one.system === 'BUOY' ? t('app.name') : one.system}</td>
              <td>{one.system === 'BUOY' ? '' : one.word}</td>
              <td>{one.status ? t(`status.${one.status}`) : '–'}</td>
              <td>{one.operator}</td>
              <td>{named(t, 'outcome', one.outcome)}</td>
              <td>{moment(one.receivedAt, lang)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Corrections({ corrections }: { corrections: readonly SentFragment[] }) {
  const [lang, t] = useLanguage();
  if (corrections.length === 0) return null;
  return (
    <section className="panel">
      <h2>{t('panorama.corrections')}</h2>
      <table>
        <tbody>
          {corrections.map(({ id, system, status, state, attempts, failure, createdAt, acknowledgedAt }) => (
            <tr key={id}>
              <td>{moment(createdAt, lang)}</td>
              <td>{system}</td>
              <td>{t(`status.${status}`)}</td>
              <td>
                {named(t, 'correction', state)} {acknowledgedAt && moment(acknowledgedAt, lang)}
              </td>
              <td className="no">{failure && t('panorama.failure', { attempts, failure })}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
