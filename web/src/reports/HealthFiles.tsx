import { useState } from 'react';
import { useQuery } from 'urql';
import type { CombinedError } from '@urql/core';
import { client } from '../api/client';
import { HealthReportFileDocument, HealthReportFilesDocument, KeptReportDocument, type ReportFormat } from '../gql';
import { useLanguage } from '../i18n';
import { moment } from '../lib/clock';
import { saveFile } from '../lib/save';
import { ErrorNote } from '../shell/ErrorNote';

const FORMATS: readonly ReportFormat[] = ['HTML', 'XLSX'];

/** The report of a month as a file, made now; for administrators the ones too that were made at the end of each month. */
export function HealthFiles({ month, keeps }: { month: string; keeps: boolean }) {
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
      <p className="quiet">{t('health.files.means')}</p>
      <div className="line month">
        {FORMATS.map((format) => (
          <button key={format} type="button" disabled={busy} onClick={() => void save(format)} data-testid={`report-${format}`}>
            {t(`health.files.${format}`)}
          </button>
        ))}
      </div>
      {error && <ErrorNote error={error} />}
      {keeps && <Kept fail={setError} />}
    </section>
  );
}

function Kept({ fail }: { fail: (error: CombinedError | null) => void }) {
  const [lang, t] = useLanguage();
  const [later, setLater] = useState(false);
  const [{ data }] = useQuery({ query: HealthReportFilesDocument });
  if (!data?.healthReportFiles.length) return null;
  const save = async (month: string, format: string) => {
    const answer = await client.query(KeptReportDocument, { month }).toPromise();
    fail(answer.error ?? null);
    const file = answer.data?.healthReportFiles.find((of) => of.format === format)?.file;
    setLater(file === null);
    if (file) saveFile(file);
  };
  return (
    <>
      <h3>{t('health.files.kept')}</h3>
      {later && <p role="status">{t('health.files.later')}</p>}
      <ul>
        {data.healthReportFiles.map(({ month, format, name, madeAt }) => (
          <li key={name}>
            <button type="button" onClick={() => void save(month, format)}>
              {name}
            </button>{' '}
            <span className="quiet">{moment(madeAt, lang)}</span>
          </li>
        ))}
      </ul>
    </>
  );
}
