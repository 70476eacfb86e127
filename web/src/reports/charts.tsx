/** The charts of the reports: plain SVG, with text equivalents. */
import type { DurationsFragment, ShareFragment } from '../gql';
import { useLanguage } from '../i18n';
import { formatDuration } from '../lib/time';
import { formatDay, formatPercent } from './format';

export function durationRange(lang: string, from: number, to: number | null): string {
  if (to === null) return `> ${formatDuration(from * 1000, lang)}`;
  if (from === 0) return `< ${formatDuration(to * 1000, lang)}`;
  return `${formatDuration(from * 1000, lang)} – ${formatDuration(to * 1000, lang)}`;
}

const WIDTH = 640;
const HEIGHT = 180;

/** A histogram of durations, with its percentiles below. */
export function Histogram({ distribution, title }: { distribution: DurationsFragment; title: string }) {
  const [lang, t] = useLanguage();
  const maxCount = Math.max(...distribution.buckets.map(({ count }) => count), 1);
  const width = WIDTH / distribution.buckets.length;
  return (
    <svg className="chart" viewBox={`0 0 ${WIDTH} ${HEIGHT + 44}`} role="img" aria-label={title}>
      {distribution.buckets.map(({ fromSeconds, toSeconds, count, share }, i) => {
        const height = (count / maxCount) * (HEIGHT - 18);
        const label = `${durationRange(lang, fromSeconds, toSeconds)}: ${count} (${formatPercent(lang, share)})`;
        return (
          <g key={fromSeconds} transform={`translate(${i * width} 0)`}>
            <title>{label}</title>
            <rect className="bar" x="3" y={HEIGHT - height} width={width - 6} height={height} rx="2" />
            {count > 0 && (
              <text className="figure" x={width / 2} y={HEIGHT - height - 5}>
                {count}
              </text>
            )}
            <text className="tick" x="0" y={HEIGHT + 14}>
              {fromSeconds === 0 ? '0' : formatDuration(fromSeconds * 1000, lang)}
            </text>
          </g>
        );
      })}
      <line className="axis" x1="0" x2={WIDTH} y1={HEIGHT} y2={HEIGHT} />
      <text className="tick" x="0" y={HEIGHT + 36}>
        {(['p50Seconds', 'p75Seconds', 'p90Seconds', 'p95Seconds', 'p99Seconds'] as const)
          .map((name) => `${name.slice(0, 3)} ${distribution[name] === null ? t('none') : formatDuration(distribution[name] * 1000, lang)}`)
          .join('   ')}
      </text>
    </svg>
  );
}

/** The distribution as one bar: a segment per stratum, as wide as its share. */
export function Strata({ strata }: { strata: DurationsFragment['strata'] }) {
  const [lang] = useLanguage();
  // The start of each segment: the sum of the shares before it.
  const offsets = strata.map((_, i) => strata.slice(0, i).reduce((sum, { share }) => sum + share * 100, 0));
  return (
    <svg className="chart strata" viewBox="0 0 100 6" preserveAspectRatio="none" role="img">
      {strata.map(({ fromSeconds, toSeconds, share }, i) => (
        <rect key={fromSeconds} className={`stratum s${i}`} x={offsets[i]} y="0" width={share * 100} height="6">
          <title>{`${durationRange(lang, fromSeconds, toSeconds)}: ${formatPercent(lang, share)}`}</title>
        </rect>
      ))}
    </svg>
  );
}

/** A metric over time with its target; periods without data are gaps. */
export function Sparkline({ points, title }: { points: { from: string; share: ShareFragment }[]; title: string }) {
  const [lang] = useLanguage();
  const height = 60;
  const x = (i: number) => (points.length < 2 ? 100 : (i / (points.length - 1)) * 200);
  const y = (value: number) => height - value * height;
  const path: string[] = [];
  let penDown = false;
  points.forEach(({ share: { value } }, i) => {
    if (value === null) penDown = false;
    else {
      path.push(`${penDown ? 'L' : 'M'}${x(i).toFixed(1)} ${y(value).toFixed(1)}`);
      penDown = true;
    }
  });
  const target = points[0]?.share.target ?? 0;
  return (
    <svg className="chart spark" viewBox={`-4 -4 208 ${height + 8}`} role="img" aria-label={title}>
      <line className="target" x1="0" x2="200" y1={y(target)} y2={y(target)} />
      <path className="line" d={path.join('')} />
      {points.map(({ from, share: { value, numerator, denominator } }, i) =>
        value === null ? null : (
          <circle key={from} cx={x(i)} cy={y(value)} r="2.2">
            <title>{`${formatDay(lang, from)}: ${formatPercent(lang, value)} (${numerator}/${denominator})`}</title>
          </circle>
        ),
      )}
    </svg>
  );
}
