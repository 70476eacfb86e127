/** The grid of the heat-map: a row for each weekday, a column for each half-hour, gaps drawn around. */
import { useEffect, useRef, useState, type CSSProperties, type KeyboardEvent } from 'react';
import type { HeatmapQuery } from '../gql';
import { useLanguage, type Say } from '../i18n';
import { ofDay, span, weekday } from '../lib/clock';
import { range } from './charts';
import { percent } from './format';
import { bounds, DAYS, MEDIANS, moved, runs, shade, shadeOf, SLOT_MINUTES, SLOTS, type Measure } from './heat';

type Heatmap = HeatmapQuery['responseHeatmap'];
type Cell = Heatmap['cells'][number];
export type Gap = Heatmap['gaps'][number];

/** From one half-hour up to another: 13:00–14:30. */
export const hours = (from: number, to: number) => `${ofDay(from * SLOT_MINUTES)}–${ofDay(to * SLOT_MINUTES)}`;

/** A cell's figures in words. */
function words(t: Say, lang: string, { weekday: day, slot, arrivals, answeredInTime, medianFirstResponseSeconds: median }: Cell): string {
  const when = t('heatmap.cell.when', { day: weekday(day, lang), hours: hours(slot, slot + 1) });
  if (arrivals === 0) return t('heatmap.cell.empty', { when });
  return t('heatmap.cell', { when, arrivals, inTime: answeredInTime, median: median === null ? t('none') : span(median * 1000, lang) });
}

const most = (cells: readonly Cell[]) => Math.max(0, ...cells.map(({ arrivals }) => arrivals));
const heat = (of: number | null) => (of === null ? 'heat' : `heat h${of}`);

interface Props {
  cells: readonly Cell[];
  gaps: readonly Gap[];
  measure: Measure;
  /** The gap that stands out. */
  shown: number | null;
}

export function Grid({ cells, gaps, measure, shown }: Props) {
  const [lang, t] = useLanguage();
  const grid = useRef<HTMLDivElement>(null);
  // Of all cells one is reached by the tabulator; arrow keys lead on from there.
  const [at, setAt] = useState(0);
  const [read, setRead] = useState<number | null>(null);
  const highest = most(cells);
  const go = (event: KeyboardEvent) => {
    const next = moved(at, event.key);
    if (next === null) return;
    event.preventDefault();
    grid.current?.querySelector<HTMLElement>(`[data-at="${next}"]`)?.focus();
  };
  const first = cells.reduce((least, { slot, arrivals }) => (arrivals > 0 ? Math.min(least, slot) : least), SLOTS);
  useEffect(() => {
    // Where not all of the day fits in, it begins with the first half-hour that has tickets.
    const box = grid.current?.parentElement;
    const cell = grid.current?.querySelector<HTMLElement>(`[data-at="${first}"]`);
    const day = grid.current?.querySelector<HTMLElement>('.day');
    if (box && cell && day) box.scrollLeft = cell.offsetLeft - day.offsetWidth;
  }, [first]);
  const said = read === null ? undefined : cells[read];
  return (
    <>
      <p className={said ? 'figures' : 'figures quiet'} data-testid="heatmap-figures">
        {said ? words(t, lang, said) : t('heatmap.hint')}
      </p>
      <div className="within">
        <div className={`grid ${measure}`} role="grid" aria-label={t('heatmap.grid')} ref={grid} onKeyDown={go} onMouseLeave={() => setRead(null)}>
          {Array.from({ length: SLOTS / 2 }, (_, hour) => (
            <span key={hour} className="hour" style={{ gridColumn: `${2 + hour * 2} / span 2` }} aria-hidden="true">
              {hour}
            </span>
          ))}
          {Array.from({ length: DAYS }, (_, i) => i + 1).map((day) => (
            <div key={day} role="row">
              <span role="rowheader" className="day" style={{ gridRow: day + 1 }}>
                {weekday(day, lang)}
              </span>
              {cells.slice((day - 1) * SLOTS, day * SLOTS).map((cell) => {
                const place = (day - 1) * SLOTS + cell.slot;
                return (
                  <span
                    key={cell.slot}
                    role="gridcell"
                    className={heat(shadeOf(measure, cell, highest))}
                    style={{ gridRow: day + 1, gridColumn: cell.slot + 2 }}
                    tabIndex={place === at ? 0 : -1}
                    aria-label={words(t, lang, cell)}
                    data-at={place}
                    data-testid="heatmap-cell"
                    onMouseEnter={() => setRead(place)}
                    onFocus={() => {
                      setAt(place);
                      setRead(place);
                    }}
                  />
                );
              })}
            </div>
          ))}
          {gaps.map((gap, i) => (
            <Outline key={i} gap={gap} number={i + 1} shown={shown} />
          ))}
        </div>
      </div>
    </>
  );
}

/** Around a gap: one outline for each run of days. The list below says the same in words. */
function Outline({ gap, number, shown }: { gap: Gap; number: number; shown: number | null }) {
  const standing = shown === null ? '' : shown === number - 1 ? ' shown' : ' faint';
  return runs(gap.weekdays).map(([first, last], i) => {
    const style: CSSProperties = { gridRow: `${first + 1} / ${last + 2}`, gridColumn: `${gap.fromSlot + 2} / ${gap.toSlot + 2}` };
    return (
      <span key={first} className={`gap${standing}`} style={style} aria-hidden="true" data-testid="gap-outline">
        {i === 0 && <b>{number}</b>}
      </span>
    );
  });
}

export function Legend({ cells, measure, gaps }: { cells: readonly Cell[]; measure: Measure; gaps: number }) {
  const [lang, t] = useLanguage();
  return (
    <ul className={`legend ${measure}`} data-testid="heatmap-legend">
      <li>
        <span className={heat(null)} />
        {t('heatmap.legend.none')}
      </li>
      {meanings(t, lang, measure, most(cells)).map(([colour, meaning]) => (
        <li key={colour}>
          <span className={heat(colour)} />
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

/** What each colour stands for. */
function meanings(t: Say, lang: string, measure: Measure, highest: number): [number, string][] {
  switch (measure) {
    case 'arrivals': {
      const upTo = bounds(highest);
      return upTo.map((to, i) => {
        const from = (upTo[i - 1] ?? 0) + 1;
        return [shade(i, upTo.length), from === to ? String(to) : `${from}–${to}`];
      });
    }
    case 'inTime':
      return [
        [1, percent(lang, 0)],
        [2, `< ${percent(lang, 0.5)}`],
        [3, `< ${percent(lang, 0.8)}`],
        [4, `< ${percent(lang, 1)}`],
        [5, percent(lang, 1)],
      ];
    case 'median': {
      const steps = [0, ...MEDIANS].map((from, i): [number, string] => [i + 1, range(lang, from, MEDIANS[i] ?? null)]);
      return [[0, t('heatmap.legend.unanswered')], ...steps];
    }
  }
}
