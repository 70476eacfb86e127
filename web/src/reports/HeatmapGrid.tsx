/** The grid of the heatmap: a row per weekday, a column per half-hour, and outlines around gaps. */
import { useEffect, useRef, useState, type CSSProperties, type KeyboardEvent } from 'react';
import type { HeatmapQuery } from '../gql';
import { useLanguage, type Translate } from '../i18n';
import { formatMinuteOfDay, formatDuration, weekdayName } from '../lib/time';
import { durationRange } from './charts';
import { formatPercent } from './format';
import { arrivalBounds, DAYS, MEDIAN_BOUNDS, nextCell, consecutiveRuns, spreadShade, cellShade, SLOT_MINUTES, SLOTS, type Measure } from './heatmap';

type Heatmap = HeatmapQuery['responseHeatmap'];
type Cell = Heatmap['cells'][number];
export type Gap = Heatmap['gaps'][number];

/** The range between two half-hour slots: 13:00–14:30. */
export const slotRangeLabel = (from: number, to: number) => `${formatMinuteOfDay(from * SLOT_MINUTES)}–${formatMinuteOfDay(to * SLOT_MINUTES)}`;

/** The figures of a cell as text. */
function describeCell(t: Translate, lang: string, { weekday: day, slot, arrivals, answeredInTime, medianFirstResponseSeconds: median }: Cell): string {
  const when = t('heatmap.cell.when', { day: weekdayName(day, lang), hours: slotRangeLabel(slot, slot + 1) });
  if (arrivals === 0) return t('heatmap.cell.empty', { when });
  return t('heatmap.cell', { when, arrivals, inTime: answeredInTime, median: median === null ? t('none') : formatDuration(median * 1000, lang) });
}

const maxArrivals = (cells: readonly Cell[]) => Math.max(0, ...cells.map(({ arrivals }) => arrivals));
const cellClass = (shadeNumber: number | null) => (shadeNumber === null ? 'heat' : `heat h${shadeNumber}`);

interface Props {
  cells: readonly Cell[];
  gaps: readonly Gap[];
  measure: Measure;
  /** The gap that is highlighted. */
  highlightedGap: number | null;
}

export function HeatmapGrid({ cells, gaps, measure, highlightedGap }: Props) {
  const [lang, t] = useLanguage();
  const grid = useRef<HTMLDivElement>(null);
  // One cell is in the tab order; arrow keys move the focus from there.
  const [focusedCell, setFocusedCell] = useState(0);
  const [activeCell, setActiveCell] = useState<number | null>(null);
  const highestArrivals = maxArrivals(cells);
  const handleKey = (event: KeyboardEvent) => {
    const target = nextCell(focusedCell, event.key);
    if (target === null) return;
    event.preventDefault();
    grid.current?.querySelector<HTMLElement>(`[data-at="${target}"]`)?.focus();
  };
  const firstBusySlot = cells.reduce((earliest, { slot, arrivals }) => (arrivals > 0 ? Math.min(earliest, slot) : earliest), SLOTS);
  useEffect(() => {
    // Where the grid is wider than its box, scroll to the first half-hour with tickets.
    const box = grid.current?.parentElement;
    const cell = grid.current?.querySelector<HTMLElement>(`[data-at="${firstBusySlot}"]`);
    const day = grid.current?.querySelector<HTMLElement>('.day');
    if (box && cell && day) box.scrollLeft = cell.offsetLeft - day.offsetWidth;
  }, [firstBusySlot]);
  const activeFigures = activeCell === null ? undefined : cells[activeCell];
  return (
    <>
      <p className={activeFigures ? 'figures' : 'figures quiet'} data-testid="heatmap-figures">
        {activeFigures ? describeCell(t, lang, activeFigures) : t('heatmap.hint')}
      </p>
      <div className="heatmap-scroll">
        <div className={`grid ${measure}`} role="grid" aria-label={t('heatmap.grid')} ref={grid} onKeyDown={handleKey} onMouseLeave={() => setActiveCell(null)}>
          {Array.from({ length: SLOTS / 2 }, (_, hour) => (
            <span key={hour} className="hour" style={{ gridColumn: `${2 + hour * 2} / span 2` }} aria-hidden="true">
              {hour}
            </span>
          ))}
          {Array.from({ length: DAYS }, (_, i) => i + 1).map((day) => (
            <div key={day} role="row">
              <span role="rowheader" className="day" style={{ gridRow: day + 1 }}>
                {weekdayName(day, lang)}
              </span>
              {cells.slice((day - 1) * SLOTS, day * SLOTS).map((cell) => {
                const index = (day - 1) * SLOTS + cell.slot;
                return (
                  <span
                    key={cell.slot}
                    role="gridcell"
                    className={cellClass(cellShade(measure, cell, highestArrivals))}
                    style={{ gridRow: day + 1, gridColumn: cell.slot + 2 }}
                    tabIndex={index === focusedCell ? 0 : -1}
                    aria-label={describeCell(t, lang, cell)}
                    data-at={index}
                    data-testid="heatmap-cell"
                    onMouseEnter={() => setActiveCell(index)}
                    onFocus={() => {
                      setFocusedCell(index);
                      setActiveCell(index);
                    }}
                  />
                );
              })}
            </div>
          ))}
          {gaps.map((gap, i) => (
            <GapOutline key={i} gap={gap} number={i + 1} highlightedGap={highlightedGap} />
          ))}
        </div>
      </div>
    </>
  );
}

/** One outline for each run of consecutive days in a gap. The list below has the same information as text. */
function GapOutline({ gap, number, highlightedGap }: { gap: Gap; number: number; highlightedGap: number | null }) {
  const emphasis = highlightedGap === null ? '' : highlightedGap === number - 1 ? ' shown' : ' faint';
  return consecutiveRuns(gap.weekdays).map(([firstDay, lastDay], i) => {
    const style: CSSProperties = { gridRow: `${firstDay + 1} / ${lastDay + 2}`, gridColumn: `${gap.fromSlot + 2} / ${gap.toSlot + 2}` };
    return (
      <span key={firstDay} className={`gap${emphasis}`} style={style} aria-hidden="true" data-testid="gap-outline">
        {i === 0 && <b>{number}</b>}
      </span>
    );
  });
}

export function HeatmapLegend({ cells, measure, gaps }: { cells: readonly Cell[]; measure: Measure; gaps: number }) {
  const [lang, t] = useLanguage();
  return (
    <ul className={`legend ${measure}`} data-testid="heatmap-legend">
      <li>
        <span className={cellClass(null)} />
        {t('heatmap.legend.none')}
      </li>
      {legendEntries(t, lang, measure, maxArrivals(cells)).map(([colour, meaning]) => (
        <li key={colour}>
          <span className={cellClass(colour)} />
          {meaning}
        </li>
      ))}
      {gaps > 0 && (
        <li>
          <span className="gap" />
          {t('heatmap.legend.gap')}
        </li>
      )}
    </ul>
  );
}

/** The meaning of each colour. */
function legendEntries(t: Translate, lang: string, measure: Measure, highestArrivals: number): [number, string][] {
  switch (measure) {
    case 'arrivals': {
      const upperBounds = arrivalBounds(highestArrivals);
      return upperBounds.map((to, i) => {
        const from = (upperBounds[i - 1] ?? 0) + 1;
        return [spreadShade(i, upperBounds.length), from === to ? String(to) : `${from}–${to}`];
      });
    }
    case 'inTime':
      return [
        [1, formatPercent(lang, 0)],
        [2, `< ${formatPercent(lang, 0.5)}`],
        [3, `< ${formatPercent(lang, 0.8)}`],
        [4, `< ${formatPercent(lang, 1)}`],
        [5, formatPercent(lang, 1)],
      ];
    case 'median': {
      const entries = [0, ...MEDIAN_BOUNDS].map((from, i): [number, string] => [i + 1, durationRange(lang, from, MEDIAN_BOUNDS[i] ?? null)]);
      return [[0, t('heatmap.legend.unanswered')], ...entries];
    }
  }
}
