import { useState } from 'react';
import { useQuery } from 'urql';
import type { CombinedError } from '@urql/core';
import { client } from '../api/client';
import { HealthReportFileDocument, HealthReportFilesDocument, ArchivedReportDocument, type ReportFormat } from '../gql';
import { useLanguage } from '../i18n';
import { formatDateTime } from '../lib/time';
import { saveFile } from '../lib/save';
import { ErrorNote } from '../shell/ErrorNote';

const FORMATS: readonly ReportFormat[] = ['HTML', 'XLSX'];

/** Downloads the health report of a month, generated on request. Administrators also see the archived reports of past months. */
export function HealthReportFiles({ month, showArchive }: { month: string; showArchive: boolean }) {
  const [, t] = useLanguage();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<CombinedError | null>(null);
  const save = async (format: ReportFormat) => {
    setBusy(true);
    const answer = await client
      .query(HealthReportFileDocument, { month, format }, { requestPolicy: 'network-only' })
      .toPromise()
      .finally(() => setBusy(false));
    setError(answer.error ?? null);
    if (answer.data) saveFile(answer.data.healthReportFile);
  };
  return (
    <section className="panel" data-testid="health-files">
      <h2>{t('health.files')}</h2>
      <p className="quiet">{t('health.files.help')}</p>
      <div className="line month">
        {FORMATS.map((format) => (
          <button key={format} type="button" disabled={busy} onClick={() => void save(format)} data-testid={`report-${format}`}>
            {t(`health.files.${format}`)}
          </button>
        ))}
      </div>
      {error && <ErrorNote error={error} />}
      {showArchive && <ArchivedReports onError={setError} />}
    </section>
  );
}

function ArchivedReports({ onError }: { onError: (error: CombinedError | null) => void }) {
  const [lang, t] = useLanguage();
  const [rebuilding, setRebuilding] = useState(false);
  const [{ data }] = useQuery({ query: HealthReportFilesDocument });
  if (!data?.healthReportFiles.length) return null;
  const save = async (month: string, format: string) => {
    const answer = await client.query(ArchivedReportDocument, { month }).toPromise();
    onError(answer.error ?? null);
    const file = answer.data?.healthReportFiles.find((candidate) => candidate.format === format)?.file;
    setRebuilding(file === null);
    if (file) saveFile(file);
  };
  return (
    <>
      <h3>{t('health.files.archived')}</h3>
      {rebuilding && <p role="status">{t('health.files.rebuilding')}</p>}
      <ul>
        {data.healthReportFiles.map(({ month, format, name, isFinal, generatedAt }) => (
          <li key={name}>
            <button type="button" onClick={() => void save(month, format)}>
              {name}
            </button>{' '}
            <span className="badge">{t(isFinal ? 'health.files.final' : 'health.files.provisional')}</span>{' '}
            <span className="quiet">{formatDateTime(generatedAt, lang)}</span>
          </li>
        ))}
      </ul>
    </>
  );
}
