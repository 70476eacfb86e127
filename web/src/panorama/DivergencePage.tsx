import { useQuery } from 'urql';
import { DivergenceDocument } from '../gql';
import { useLanguage } from '../i18n';
import { formatDuration } from '../lib/time';
import { Sparkline } from '../reports/charts';
import { PeriodSelect, ReportTabs, usePeriod } from '../reports/ReportControls';
import { formatPercent } from '../reports/format';
import { ErrorNote } from '../shell/ErrorNote';

/** The share of tickets on which systems disagree: now, over time, and by pair of systems. */
export function DivergencePage() {
  const [lang, t] = useLanguage();
  const [preset, setPreset, period] = usePeriod();
  const [{ data, error, fetching }] = useQuery({
    query: DivergenceDocument,
    variables: { period: { from: period?.from ?? '', to: period?.to ?? '' } },
    pause: period === null,
  });
  const divergence = data?.divergence;
  const percentLabel = (value: number | null) => (value === null ? t('none') : formatPercent(lang, value));
  const durationLabel = (seconds: number | null) => (seconds === null ? t('none') : formatDuration(seconds * 1000, lang));
  return (
    <>
      <ReportTabs />
      <div className="toolbar">
        <PeriodSelect preset={preset} onChange={setPreset} />
      </div>
      {error && <ErrorNote error={error} />}
      {!divergence && fetching && <p className="quiet pad">{t('loading')}</p>}
      {divergence && (
        <div className="divergence">
          <section className="panel" data-testid="divergence">
            <h2>{t('divergence.title')}</h2>
            <p className={`current-value ${divergence.current.healthy === false ? 'bad' : 'good'}`}>{percentLabel(divergence.current.value)}</p>
            <p className="quiet">
              {t('divergence.summary', { n: divergence.current.numerator, of: divergence.current.denominator, pending: divergence.current.pending, target: formatPercent(lang, divergence.current.target) })}
            </p>
            <p>{t('divergence.median', { took: durationLabel(divergence.medianSecondsToAgreement) })}</p>
            <Sparkline
              title={t('divergence.title')}
              points={divergence.series.map(({ at, differing, compared, value }) => ({
                from: at,
                share: { ...divergence.current, value, numerator: differing, denominator: compared },
              }))}
            />
          </section>
          <section className="panel">
            <h2>{t('divergence.pairs')}</h2>
            {divergence.pairs.length === 0 && <p className="quiet">{t('divergence.none')}</p>}
            <table>
              <tbody>
                {divergence.pairs.map(({ first, second, ratio, medianSecondsToAgreement }) => (
                  <tr key={`${first} ${second}`}>
                    <td>
                      {first} ↔ {second}
                    </td>
                    <td>
                      {percentLabel(ratio.value)}{' '}
                      <small className="quiet">
                        {ratio.numerator}/{ratio.denominator}
                      </small>
                    </td>
                    <td>{durationLabel(medianSecondsToAgreement)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </section>
        </div>
      )}
    </>
  );
}
