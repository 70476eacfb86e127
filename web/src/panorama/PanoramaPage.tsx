import { useEffect, useState, type SubmitEvent } from 'react';
import { useQuery } from 'urql';
import { Link, useLocation } from 'wouter';
import { subscribeLive } from '../api/client';
import { PanoramaDocument, TicketEventsDocument, type PanoramaQuery, type StatusReportRowFragment, type CorrectionRowFragment } from '../gql';
import { enumLabel, useLanguage } from '../i18n';
import { formatDateTime } from '../lib/time';
import { ErrorNote } from '../shell/ErrorNote';

type Panorama = NonNullable<PanoramaQuery['panorama']>;

/** 客户工单全景视图: finds a ticket by any external number and shows the status in every system. */
export function PanoramaPage({ reference }: { reference: string | null }) {
  const [, t] = useLanguage();
  const [, navigate] = useLocation();
  const [text, setText] = useState(reference ?? '');
  const [system, setSystem] = useState('');
  const [{ data, error, fetching }, refetch] = useQuery({
    query: PanoramaDocument,
    variables: { reference: reference ?? '', system: system || null },
    pause: reference === null,
  });
  const id = data?.panorama?.ticket.id;
  useEffect(() => {
    if (id === undefined) return;
    // Any event of the ticket may be a status report of a system, so everything is reloaded.
    const reload = () => refetch({ requestPolicy: 'network-only' });
    return subscribeLive(TicketEventsDocument, { ticketId: id, after: null }, { onEvent: ({ ticketEvents: { cursor } }) => (reload(), cursor), onStatus: () => {}, onRefused: () => {} });
  }, [id, refetch]);
  const search = (event: SubmitEvent) => {
    event.preventDefault();
    if (text.trim() !== '') navigate(`/panorama/${encodeURIComponent(text.trim())}`);
  };
  return (
    <>
      <form className="toolbar" onSubmit={search}>
        <h1>{t('panorama.title')}</h1>
        <input aria-label={t('panorama.find')} placeholder={t('panorama.find')} maxLength={128} value={text} onChange={(e) => setText(e.target.value)} data-testid="panorama-find" />
        <input aria-label={t('panorama.system')} placeholder={t('panorama.system')} maxLength={64} value={system} onChange={(e) => setSystem(e.target.value)} />
        <button type="submit">{t('nav.find.go')}</button>
      </form>
      {reference === null && <p className="quiet pad">{t('panorama.help')}</p>}
      {error && <ErrorNote error={error} onRetry={() => refetch({ requestPolicy: 'network-only' })} />}
      {fetching && !data && <p className="quiet pad">{t('loading')}</p>}
      {data?.panorama && !error && <PanoramaDetails panorama={data.panorama} />}
    </>
  );
}

function PanoramaDetails({ panorama }: { panorama: Panorama }) {
  const [lang, t] = useLanguage();
  const { ticket, colour, truth, systems, conflicts } = panorama;
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
            <p className="current-value">{word ?? (status ? t(`status.${status}`) : t('panorama.noReport'))}</p>
            <p>{status ? <span className={`badge status ${status}`}>{t(`status.${status}`)}</span> : word && <span className="quiet">{t('panorama.unknownWord')}</span>}</p>
            {reportedAt && <p className="quiet">{formatDateTime(reportedAt, lang)}</p>}
            <p className={agrees ? 'good' : 'bad'}>{agrees ? t('panorama.agrees') : acknowledged ? t('panorama.notNotified') : t('panorama.correctionSent', { status: correction ? t(`status.${correction.status}`) : '' })}</p>
            {correction?.failure && <p className="bad">{t('panorama.failure', { attempts: correction.attempts, failure: correction.failure })}</p>}
          </li>
        ))}
      </ul>
      {conflicts.length > 0 && (
        <section className="panel">
          <h2>{t('panorama.conflicts')}</h2>
          <ul>
            {conflicts.map(({ id, from, reports, winner }) => (
              <li key={id}>
                {formatDateTime(from, lang)}: {reports.map((report) => (report.id === winner.id ? <strong key={report.id}> {report.system} {report.word} ✓</strong> : <span key={report.id}> {report.system} {report.word} ·</span>))}
              </li>
            ))}
          </ul>
        </section>
      )}
      <StatusHistory history={panorama.history} changes={panorama.changes} />
      <Corrections corrections={panorama.corrections} />
    </article>
  );
}

function StatusHistory({ history, changes }: { history: readonly StatusReportRowFragment[]; changes: readonly StatusReportRowFragment[] }) {
  const [lang, t] = useLanguage();
  const rows = [...history, ...changes].sort((a, b) => Date.parse(b.timestamp) - Date.parse(a.timestamp));
  if (rows.length === 0) return null;
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
          {rows.map((report) => (
            <tr key={report.id} className={report.outcome}>
              <td>{formatDateTime(report.timestamp, lang)}</td>
              <td>{report.system === 'BUOY' ? t('app.name') : report.system}</td>
              <td>{report.system === 'BUOY' ? '' : report.word}</td>
              <td>{report.status ? t(`status.${report.status}`) : '–'}</td>
              <td>{report.operator}</td>
              <td>{enumLabel(t, 'outcome', report.outcome)}</td>
              <td>{formatDateTime(report.receivedAt, lang)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Corrections({ corrections }: { corrections: readonly CorrectionRowFragment[] }) {
  const [lang, t] = useLanguage();
  if (corrections.length === 0) return null;
  return (
    <section className="panel">
      <h2>{t('panorama.corrections')}</h2>
      <table>
        <tbody>
          {corrections.map(({ id, system, status, state, attempts, failure, createdAt, acknowledgedAt }) => (
            <tr key={id}>
              <td>{formatDateTime(createdAt, lang)}</td>
              <td>{system}</td>
              <td>{t(`status.${status}`)}</td>
              <td>
                {enumLabel(t, 'correction', state)} {acknowledgedAt && formatDateTime(acknowledgedAt, lang)}
              </td>
              <td className="bad">{failure && t('panorama.failure', { attempts, failure })}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
