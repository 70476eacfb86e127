import { useState } from 'react';
import { useQuery } from 'urql';
import {
  ReportDocument,
  type LayersFragment,
  type MetricDimension,
  type MetricFilter,
  type MetricName,
  type MetricOutcome,
  type ReportQuery,
  type ShareFragment,
} from '../gql';
import { useLanguage } from '../i18n';
import { span } from '../lib/clock';
import { ErrorNote } from '../shell/ErrorNote';
import { Behind } from './Behind';
import { PeriodChoice, ReportTabs, TeamChoice, usePeriod } from './Choosers';
import { Histogram, Line, range, Strata } from './charts';
import { percent } from './format';

type Metrics = ReportQuery['serviceMetrics'];
type Layer = 'firstResponseCompliance' | 'firstTimeResolution' | 'rootCauseClosure';

const LAYERS: readonly (readonly [Layer, MetricName])[] = [
  ['firstResponseCompliance', 'FIRST_RESPONSE_COMPLIANCE'],
  ['firstTimeResolution', 'FIRST_TIME_RESOLUTION'],
  ['rootCauseClosure', 'ROOT_CAUSE_CLOSURE'],
];
const DIMENSIONS: readonly MetricDimension[] = ['TEAM', 'AGENT', 'ISSUE_TYPE', 'PRIORITY', 'CHANNEL', 'PRODUCT', 'CUSTOMER'];

/** The figure whose tickets somebody looks at. */
export interface Looked {
  metric: MetricName;
  outcome: MetricOutcome;
  filter: MetricFilter;
  label: string;
}

/** A group's value as a filter; none where the group has none. */
function filterOf(by: MetricDimension, group: { key: string; id?: string | null }): MetricFilter | null {
  if (group.key === '') return null;
  switch (by) {
    case 'TEAM':
      return { teamId: group.id };
    case 'AGENT':
      return { agentId: group.id };
    case 'CUSTOMER':
      return { customerId: group.id };
    case 'ISSUE_TYPE':
      return { issueType: group.key };
    case 'PRODUCT':
      return { product: group.key };
    case 'CHANNEL':
      return { channel: group.key };
    case 'PRIORITY':
      return { priority: group.key as MetricFilter['priority'] };
  }
}

/** The three layers of a period, their distribution, and the groups behind them. */
export function Reports() {
  const [, t] = useLanguage();
  const [preset, setPreset, asked] = usePeriod();
  const [by, setBy] = useState<MetricDimension>('TEAM');
  const [team, setTeam] = useState('');
  const [looked, setLooked] = useState<Looked | null>(null);
  const filter: MetricFilter = team === '' ? {} : { teamId: team };
  const period = { from: asked?.from ?? '', to: asked?.to ?? '' };
  const [{ data, error, fetching }, again] = useQuery({
    query: ReportDocument,
    variables: { period, filter, by, interval: asked?.interval ?? 'DAY' },
    pause: asked === null,
  });
  const metrics = data?.serviceMetrics;
  return (
    <>
      <ReportTabs />
      <div className="toolbar">
        <PeriodChoice preset={preset} choose={setPreset} />
        <TeamChoice team={team} choose={setTeam} />
        {metrics && (
          <span className="quiet">
            {t('report.counts', { created: metrics.created, resolved: metrics.resolved, excluded: metrics.excluded })}
          </span>
        )}
        {fetching && <span role="status">{t('loading')}</span>}
      </div>
      {error && <ErrorNote error={error} again={() => again({ requestPolicy: 'network-only' })} />}
      {metrics && (
        <div className="report" data-testid="report">
          <div className="layers">
            {LAYERS.map(([layer, metric]) => (
              <LayerCard
                key={layer}
                layer={layer}
                share={metrics[layer]}
                points={metrics.series.map(({ from, metrics: of }) => ({ from, share: of[layer] }))}
                look={(outcome) => setLooked({ metric, outcome, filter, label: t(`layer.${layer}`) })}
              />
            ))}
          </div>
          <Distributions metrics={metrics} />
          <Groups
            metrics={metrics}
            by={by}
            choose={setBy}
            look={(group, metric, layer) => {
              const of = filterOf(by, group);
              if (of) setLooked({ metric, outcome: 'MISSED', filter: { ...filter, ...of }, label: `${t(`layer.${layer}`)} · ${group.label}` });
            }}
          />
          {looked && <Behind key={JSON.stringify(looked)} looked={looked} period={period} close={() => setLooked(null)} />}
        </div>
      )}
    </>
  );
}

function standing(share: ShareFragment): string {
  return share.healthy === null ? 'unknown' : share.healthy ? 'healthy' : 'unhealthy';
}

function LayerCard({
  layer,
  share,
  points,
  look,
}: {
  layer: Layer;
  share: ShareFragment;
  points: { from: string; share: ShareFragment }[];
  look: (outcome: MetricOutcome) => void;
}) {
  const [lang, t] = useLanguage();
  const { numerator, denominator, value, pending, target, smallSample } = share;
  return (
    <section className={`panel layer ${standing(share)}`} data-testid="layer" data-layer={layer}>
      <h2>{t(`layer.${layer}`)}</h2>
      <p className="quiet">{t(`layer.${layer}.means`)}</p>
      <p className="line">
        <strong className="value">{value === null ? t('none') : percent(lang, value)}</strong>
        <span className="quiet">{t('report.target', { target: percent(lang, target) })}</span>
      </p>
      <p className="line">
        <button type="button" onClick={() => look('MET')}>
          {t('report.of', { numerator, denominator })}
        </button>
        <button type="button" onClick={() => look('MISSED')} disabled={denominator === numerator}>
          {t('report.missed', { count: denominator - numerator })}
        </button>
        {pending > 0 && (
          <button type="button" onClick={() => look('PENDING')}>
            {t('report.pending', { count: pending })}
          </button>
        )}
        {smallSample && <span className="badge">{t('report.smallSample')}</span>}
      </p>
      <Line points={points} title={t(`layer.${layer}`)} />
    </section>
  );
}

function Distributions({ metrics }: { metrics: Metrics }) {
  const [lang, t] = useLanguage();
  const [of, setOf] = useState<'handlingTime' | 'firstResponseTime'>('handlingTime');
  const distribution = metrics[of];
  return (
    <section className="panel">
      <div className="toolbar">
        <h2>{t('report.distribution')}</h2>
        <div className="choice" role="group">
          {(['handlingTime', 'firstResponseTime'] as const).map((key) => (
            <button key={key} type="button" aria-pressed={of === key} onClick={() => setOf(key)}>
              {t(`report.${key}`)}
            </button>
          ))}
        </div>
      </div>
      {distribution.count === 0 ? (
        <p className="quiet">{t('report.nothing')}</p>
      ) : (
        <>
          <Histogram of={distribution} title={t(`report.${of}`)} />
          <h2>{t('report.strata')}</h2>
          <Strata strata={distribution.strata} />
          <ul className="legend">
            {distribution.strata.map(({ fromSeconds, toSeconds, count, share, p50Seconds }, i) => (
              <li key={fromSeconds}>
                <span className={`dot s${i}`} />
                {range(lang, fromSeconds, toSeconds)}: {percent(lang, share)} ({count}
                {p50Seconds === null ? '' : `, ${t('report.median', { span: span(p50Seconds * 1000, lang) })}`})
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

function Groups({
  metrics,
  by,
  choose,
  look,
}: {
  metrics: Metrics;
  by: MetricDimension;
  choose: (by: MetricDimension) => void;
  look: (group: Metrics['breakdown'][number], metric: MetricName, layer: Layer) => void;
}) {
  const [lang, t] = useLanguage();
  return (
    <section className="panel">
      <div className="toolbar">
        <h2>{t('report.breakdown')}</h2>
        <select aria-label={t('report.breakdown')} value={by} onChange={(event) => choose(event.target.value as MetricDimension)}>
          {DIMENSIONS.map((key) => (
            <option key={key} value={key}>
              {t(`dimension.${key}`)}
            </option>
          ))}
        </select>
      </div>
      <table data-testid="breakdown">
        <thead>
          <tr>
            <th>{t(`dimension.${by}`)}</th>
            <th className="number">{t('report.created')}</th>
            {LAYERS.map(([layer]) => (
              <th key={layer}>{t(`layer.${layer}`)}</th>
            ))}
            <th>{t('report.handlingTime')}</th>
          </tr>
        </thead>
        <tbody>
          {metrics.breakdown.map((group) => (
            <tr key={group.key}>
              <th scope="row">{group.label}</th>
              <td className="number">{group.metrics.created}</td>
              {LAYERS.map(([layer, metric]) => (
                <td key={layer}>
                  <Cell of={group.metrics} layer={layer} look={() => look(group, metric, layer)} />
                </td>
              ))}
              <td>
                <Strata strata={group.metrics.handlingTime.strata} />
                <span className="quiet">
                  {(['p50Seconds', 'p90Seconds'] as const)
                    .map((name) => [name, group.metrics.handlingTime[name]] as const)
                    .map(([name, seconds]) => `${name.slice(0, 3)} ${seconds === null ? t('none') : span(seconds * 1000, lang)}`)
                    .join(' · ')}
                </span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Cell({ of, layer, look }: { of: LayersFragment; layer: Layer; look: () => void }) {
  const [lang, t] = useLanguage();
  const share = of[layer];
  const { value, numerator, denominator, smallSample } = share;
  if (value === null) return <span className="quiet">{t('none')}</span>;
  return (
    <button type="button" className={`cell ${standing(share)}`} onClick={look} title={t('report.look')}>
      <span className="fill" style={{ width: `${value * 100}%` }} />
      <span>
        {percent(lang, value)} <small>{`${numerator}/${denominator}${smallSample ? ` · ${t('report.smallSample')}` : ''}`}</small>
      </span>
    </button>
  );
}
