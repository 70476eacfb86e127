import { useQuery } from 'urql';
import { DivergenceDocument } from '../gql';
import { useLanguage } from '../i18n';
import { span } from '../lib/clock';
import { Line } from '../reports/charts';
import { PeriodChoice, ReportTabs, usePeriod } from '../reports/Choosers';
import { percent } from '../reports/format';
import { ErrorNote } from '../shell/ErrorNote';

/** On how many tickets systems differ: now, over time, and which from which. */
export function DivergencePage() {
  const [lang, t] = useLanguage();
  const [preset, setPreset, asked] = usePeriod();
  const [{ data, error, fetching }] = useQuery({
    query: DivergenceDocument,
    variables: { period: { from: asked?.from ?? '', to: asked?.to ?? '' } },
    pause: asked === null,
  });
  const found = data?.divergence;
  const share = (value: number | null) => (value === null ? t('none') : percent(lang, value));
  const took = (seconds: number | null) => (seconds === null ? t('none') : span(seconds * 1000, lang));
  return (
    <>
      <ReportTabs />
      <div className="toolbar">
        <PeriodChoice preset={preset} choose={setPreset} />
      </div>
      {error && <ErrorNote error={error} />}
      {!found && fetching && <p className="quiet pad">{t('loading')}</p>}
      {found && (
        <div className="divergence">
          <section className="panel" data-testid="divergence">
            <h2>{t('divergence.title')}</h2>
            <p className={`held ${found.current.healthy === false ? 'no' : 'ok'}`}>{share(found.current.value)}</p>
            <p className="quiet">
              {t('divergence.of', { n: found.current.numerator, of: found.current.denominator, pending: found.current.pending, target: percent(lang, found.current.target) })}
            </p>
            <p>{t('divergence.median', { took: took(found.medianSecondsToAgreement) })}</p>
            <Line
              title={t('divergence.title')}
              points={found.series.map(({ at, differing, compared, value }) => ({
                from: at,
                share: { ...found.current, value, numerator: differing, denominator: compared },
              }))}
            />
          </section>
          <section className="panel">
            <h2>{t('divergence.pairs')}</h2>
            {found.pairs.length === 0 && <p className="quiet">{t('divergence.none')}</p>}
            <table>
              <tbody>
                {found.pairs.map(({ first, second, ratio, medianSecondsToAgreement }) => (
                  <tr key={`${first} ${second}`}>
                    <td>
                      {first} ↔ {second}
                    </td>
                    <td>
                      {share(ratio.value)}{' '}
                      <small className="quiet">
                        {ratio.numerator}/{ratio.denominator}
                      </small>
                    </td>
                    <td>{took(medianSecondsToAgreement)}</td>
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
