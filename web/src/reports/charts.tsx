/** The charts of a report: plain SVG, each with what it shows in words. */
import type { DurationsFragment, ShareFragment } from '../gql';
import { useLanguage } from '../i18n';
import { span } from '../lib/clock';
import { day, percent } from './format';

export function range(lang: string, from: number, to: number | null): string {
  if (to === null) return `> ${span(from * 1000, lang)}`;
  if (from === 0) return `< ${span(to * 1000, lang)}`;
  return `${span(from * 1000, lang)} – ${span(to * 1000, lang)}`;
}

const WIDTH = 640;
const HEIGHT = 180;

/** The histogram, with lines at its percentiles. */
export function Histogram({ of, title }: { of: DurationsFragment; title: string }) {
  const [lang, t] = useLanguage();
  const most = Math.max(...of.buckets.map(({ count }) => count), 1);
  const width = WIDTH / of.buckets.length;
  return (
    <svg className="chart" viewBox={`0 0 ${WIDTH} ${HEIGHT + 44}`} role="img" aria-label={title}>
      {of.buckets.map(({ fromSeconds, toSeconds, count, share }, i) => {
        const height = (count / most) * (HEIGHT - 18);
        const words = `${range(lang, fromSeconds, toSeconds)}: ${count} (${percent(lang, share)})`;
        return (
          <g key={fromSeconds} transform={`translate(${i * width} 0)`}>
            <title>{words}</title>
            <rect className="bar" x="3" y={HEIGHT - height} width={width - 6} height={height} rx="2" />
            {count > 0 && (
              <text className="figure" x={width / 2} y={HEIGHT - height - 5}>
                {count}
              </text>
            )}
            <text className="tick" x="0" y={HEIGHT + 14}>
              {fromSeconds === 0 ? '0' : span(fromSeconds * 1000, lang)}
            </text>
          </g>
        );
      })}
      <line className="axis" x1="0" x2={WIDTH} y1={HEIGHT} y2={HEIGHT} />
      <text className="tick" x="0" y={HEIGHT + 36}>
        {(['p50Seconds', 'p75Seconds', 'p90Seconds', 'p95Seconds', 'p99Seconds'] as const)
          .map((name) => `${name.slice(0, 3)} ${of[name] === null ? t('none') : span(of[name] * 1000, lang)}`)
          .join('   ')}
      </text>
    </svg>
  );
}

/** What a mean would hide: a band for each stratum, as wide as its share. */
export function Strata({ strata }: { strata: DurationsFragment['strata'] }) {
  const [lang] = useLanguage();
  // Where each begins: what lies before it.
  const before = strata.map((_, i) => strata.slice(0, i).reduce((sum, { share }) => sum + share * 100, 0));
  return (
    <svg className="chart strata" viewBox="0 0 100 6" preserveAspectRatio="none" role="img">
      {strata.map(({ fromSeconds, toSeconds, share }, i) => (
        <rect key={fromSeconds} className={`stratum s${i}`} x={before[i]} y="0" width={share * 100} height="6">
          <title>{`${range(lang, fromSeconds, toSeconds)}: ${percent(lang, share)}`}</title>
        </rect>
      ))}
    </svg>
  );
}

/** A metric over time against its target; a period in which nothing counts is a gap. */
export function Line({ points, title }: { points: { from: string; share: ShareFragment }[]; title: string }) {
  const [lang] = useLanguage();
  const height = 60;
  const x = (i: number) => (points.length < 2 ? 100 : (i / (points.length - 1)) * 200);
  const y = (value: number) => height - value * height;
  const drawn: string[] = [];
  let down = false;
  points.forEach(({ share: { value } }, i) => {
    if (value === null) down = false;
    else {
      drawn.push(`${down ? 'L' : 'M'}${x(i).toFixed(1)} ${y(value).toFixed(1)}`);
      down = true;
    }
  });
  const target = points[0]?.share.target ?? 0;
  return (
    <svg className="chart spark" viewBox={`-4 -4 208 ${height + 8}`} role="img" aria-label={title}>
      <line className="target" x1="0" x2="200" y1={y(target)} y2={y(target)} />
      <path className="line" d={drawn.join('')} />
      {points.map(({ from, share: { value, numerator, denominator } }, i) =>
        value === null ? null : (
          <circle key={from} cx={x(i)} cy={y(value)} r="2.2">
            <title>{`${day(lang, from)}: ${percent(lang, value)} (${numerator}/${denominator})`}</title>
          </circle>
        ),
      )}
    </svg>
  );
}
