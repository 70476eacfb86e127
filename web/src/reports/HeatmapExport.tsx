import { useState } from 'react';
import type { CombinedError } from '@urql/core';
import { client } from '../api/client';
import { HeatmapExportDocument, type ExportFormat } from '../gql';
import { useLanguage } from '../i18n';
import { saveFile } from '../lib/save';
import { ErrorNote } from '../shell/ErrorNote';
import { recentMonths } from './period';

const MONTHS = 24;

/** Exports the heatmap of a month as a file. */
export function HeatmapExport({ team, zone }: { team: string; zone: string }) {
  const [lang, t] = useLanguage();
  const [monthChoices] = useState(() => recentMonths(Date.now(), zone, MONTHS));
  // The last complete month.
  const [month, setMonth] = useState(monthChoices[1] ?? '');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<CombinedError | null>(null);
  const monthName = new Intl.DateTimeFormat(lang, { year: 'numeric', month: 'long', timeZone: 'UTC' });
  const save = async (format: ExportFormat) => {
    setBusy(true);
    const answer = await client
      .query(HeatmapExportDocument, { month, format, teamId: team || null })
      .toPromise()
      .finally(() => setBusy(false));
    setError(answer.error ?? null);
    if (answer.data) saveFile(answer.data.responseHeatmapExport);
  };
  return (
    <section className="panel">
      <h2>{t('heatmap.export')}</h2>
      <p className="quiet">{t('heatmap.export.help')}</p>
      <div className="line month">
        <select aria-label={t('heatmap.export.month')} value={month} onChange={(event) => setMonth(event.target.value)} data-testid="export-month">
          {monthChoices.map((choice) => (
            <option key={choice} value={choice}>
              {monthName.format(new Date(`${choice}-01T00:00Z`))}
            </option>
          ))}
        </select>
        {(['CSV', 'XLSX'] as const).map((format) => (
          <button key={format} type="button" disabled={busy} onClick={() => void save(format)} data-testid={`export-${format}`}>
            {t(`heatmap.export.${format}`)}
          </button>
        ))}
      </div>
      {error && <ErrorNote error={error} />}
    </section>
  );
}
