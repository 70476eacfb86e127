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
import { formatDuration } from '../lib/time';
import { ErrorNote } from '../shell/ErrorNote';
import { DrillDown } from './DrillDown';
import { PendingTickets } from './PendingTickets';
import { PeriodSelect, ReportTabs, TeamSelect, usePeriod } from './ReportControls';
import { Histogram, Sparkline, durationRange, Strata } from './charts';
import { formatPercent } from './format';

type Metrics = ReportQuery['serviceMetrics'];
type Layer = 'firstResponseCompliance' | 'firstTimeResolution' | 'rootCauseClosure';

const LAYERS: readonly (readonly [Layer, MetricName])[] = [
  ['firstResponseCompliance', 'FIRST_RESPONSE_COMPLIANCE'],
  ['firstTimeResolution', 'FIRST_TIME_RESOLUTION'],
  ['rootCauseClosure', 'ROOT_CAUSE_CLOSURE'],
];
const DIMENSIONS: readonly MetricDimension[] = ['TEAM', 'AGENT', 'ISSUE_TYPE', 'PRIORITY', 'CHANNEL', 'PRODUCT', 'CUSTOMER'];

/** The figure whose tickets are shown. */
export interface DrillDownTarget {
  metric: MetricName;
  outcome: MetricOutcome;
  filter: MetricFilter;
  label: string;
}

/** The filter for a group; null for the group without a value. */
function groupFilter(groupBy: MetricDimension, group: { key: string; id?: string | null }): MetricFilter | null {
  if (group.key === '') return null;
  switch (groupBy) {
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

/** The three layers of a period, the distribution of durations, and the breakdown. */
export function Reports() {
  const [, t] = useLanguage();
  const [preset, setPreset, reportPeriod] = usePeriod();
  const [groupBy, setGroupBy] = useState<MetricDimension>('TEAM');
  const [team, setTeam] = useState('');
  const [drillDownTarget, setDrillDownTarget] = useState<DrillDownTarget | null>(null);
  const filter: MetricFilter = team === '' ? {} : { teamId: team };
  const period = { from: reportPeriod?.from ?? '', to: reportPeriod?.to ?? '' };
  const [{ data, error, fetching }, refetch] = useQuery({
    query: ReportDocument,
    variables: { period, filter, by: groupBy, interval: reportPeriod?.interval ?? 'DAY' },
    pause: reportPeriod === null,
  });
  const metrics = data?.serviceMetrics;
  return (
    <>
      <ReportTabs />
      <div className="toolbar">
        <PeriodSelect preset={preset} onChange={setPreset} />
        <TeamSelect team={team} onChange={setTeam} />
        {metrics && (
          <span className="quiet">
            {t('report.counts', { created: metrics.created, resolved: metrics.resolved, excluded: metrics.excluded })}
          </span>
        )}
        {fetching && <span role="status">{t('loading')}</span>}
      </div>
      {error && <ErrorNote error={error} onRetry={() => refetch({ requestPolicy: 'network-only' })} />}
      {metrics && (
        <div className="report" data-testid="report">
          <div className="layers">
            {LAYERS.map(([layer, metric]) => (
              <LayerCard
                key={layer}
                layer={layer}
                share={metrics[layer]}
                points={metrics.series.map(({ from, metrics: layers }) => ({ from, share: layers[layer] }))}
                onDrillDown={(outcome) => setDrillDownTarget({ metric, outcome, filter, label: t(`layer.${layer}`) })}
              />
            ))}
          </div>
          <DurationDistribution metrics={metrics} />
          <BreakdownTable
            metrics={metrics}
            groupBy={groupBy}
            onGroupBy={setGroupBy}
            onDrillDown={(group, metric, layer) => {
              const ofGroup = groupFilter(groupBy, group);
              if (ofGroup) setDrillDownTarget({ metric, outcome: 'MISSED', filter: { ...filter, ...ofGroup }, label: `${t(`layer.${layer}`)} · ${group.label}` });
            }}
          />
          {drillDownTarget && <DrillDown key={JSON.stringify(drillDownTarget)} target={drillDownTarget} period={period} onClose={() => setDrillDownTarget(null)} />}
        </div>
      )}
    </>
  );
}

function healthClass(share: ShareFragment): string {
  return share.healthy === null ? 'unknown' : share.healthy ? 'healthy' : 'unhealthy';
}

function LayerCard({
  layer,
  share,
  points,
  onDrillDown,
}: {
  layer: Layer;
  share: ShareFragment;
  points: { from: string; share: ShareFragment }[];
  onDrillDown: (outcome: MetricOutcome) => void;
}) {
  const [lang, t] = useLanguage();
  const { numerator, denominator, value, unknown, target, smallSample } = share;
  return (
    <section className={`panel layer ${healthClass(share)}`} data-testid="layer" data-layer={layer}>
      <h2>{t(`layer.${layer}`)}</h2>
      <p className="quiet">{t(`layer.${layer}.help`)}</p>
      <p className="line">
        <strong className="value">{value === null ? t('none') : formatPercent(lang, value)}</strong>
        <span className="quiet">{t('report.target', { target: formatPercent(lang, target) })}</span>
      </p>
      <p className="line">
        <button type="button" onClick={() => onDrillDown('MET')}>
          {t('report.fraction', { numerator, denominator })}
        </button>
        <button type="button" onClick={() => onDrillDown('MISSED')} disabled={denominator === numerator}>
          {t('report.missed', { count: denominator - numerator })}
        </button>
        <PendingTickets share={share} onDrillDown={onDrillDown} />
        {unknown > 0 && (
          <button type="button" onClick={() => onDrillDown('UNKNOWN')}>
            {t('report.unknown', { count: unknown })}
          </button>
        )}
        {smallSample && <span className="badge">{t('report.smallSample')}</span>}
      </p>
      <Sparkline points={points} title={t(`layer.${layer}`)} />
    </section>
  );
}

function DurationDistribution({ metrics }: { metrics: Metrics }) {
  const [lang, t] = useLanguage();
  const [duration, setDuration] = useState<'handlingTime' | 'firstResponseTime'>('handlingTime');
  const distribution = metrics[duration];
  return (
    <section className="panel">
      <div className="toolbar">
        <h2>{t('report.distribution')}</h2>
        <div className="choice" role="group">
          {(['handlingTime', 'firstResponseTime'] as const).map((key) => (
            <button key={key} type="button" aria-pressed={duration === key} onClick={() => setDuration(key)}>
              {t(`report.${key}`)}
            </button>
          ))}
        </div>
      </div>
      {distribution.count === 0 ? (
        <p className="quiet">{t('report.noData')}</p>
      ) : (
        <>
          <Histogram distribution={distribution} title={t(`report.${duration}`)} />
          <h2>{t('report.strata')}</h2>
          <Strata strata={distribution.strata} />
          <ul className="legend">
            {distribution.strata.map(({ fromSeconds, toSeconds, count, share, p50Seconds }, i) => (
              <li key={fromSeconds}>
                <span className={`dot s${i}`} />
                {durationRange(lang, fromSeconds, toSeconds)}: {formatPercent(lang, share)} ({count}
                {p50Seconds === null ? '' : `, ${t('report.median', { span: formatDuration(p50Seconds * 1000, lang) })}`})
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

function BreakdownTable({
  metrics,
  groupBy,
  onGroupBy,
  onDrillDown,
}: {
  metrics: Metrics;
  groupBy: MetricDimension;
  onGroupBy: (by: MetricDimension) => void;
  onDrillDown: (group: Metrics['breakdown'][number], metric: MetricName, layer: Layer) => void;
}) {
  const [lang, t] = useLanguage();
  return (
    <section className="panel">
      <div className="toolbar">
        <h2>{t('report.breakdown')}</h2>
        <select aria-label={t('report.breakdown')} value={groupBy} onChange={(event) => onGroupBy(event.target.value as MetricDimension)}>
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
            <th>{t(`dimension.${groupBy}`)}</th>
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
                  <ShareCell metrics={group.metrics} layer={layer} onDrillDown={() => onDrillDown(group, metric, layer)} />
                </td>
              ))}
              <td>
                <Strata strata={group.metrics.handlingTime.strata} />
                <span className="quiet">
                  {(['p50Seconds', 'p90Seconds'] as const)
                    .map((name) => [name, group.metrics.handlingTime[name]] as const)
                    .map(([name, seconds]) => `${name.slice(0, 3)} ${seconds === null ? t('none') : formatDuration(seconds * 1000, lang)}`)
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

function ShareCell({ metrics, layer, onDrillDown }: { metrics: LayersFragment; layer: Layer; onDrillDown: () => void }) {
  const [lang, t] = useLanguage();
  const share = metrics[layer];
  const { value, numerator, denominator, pending, isProvisional, smallSample } = share;
  const marks = [smallSample ? t('report.smallSample') : '', isProvisional ? t('report.provisional', { count: pending }) : ''].filter((mark) => mark !== '');
  if (value === null) return <span className="quiet">{[t('none'), ...(isProvisional ? marks.slice(-1) : [])].join(' · ')}</span>;
  return (
    <button type="button" className={`cell ${healthClass(share)}`} onClick={onDrillDown} title={t('report.showMissed')}>
      <span className="fill" style={{ width: `${value * 100}%` }} />
      <span>
        {formatPercent(lang, value)} <small>{[`${numerator}/${denominator}`, ...marks].join(' · ')}</small>
      </span>
    </button>
  );
}
