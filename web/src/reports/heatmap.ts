/** The logic of the heatmap's colours and gaps, without rendering. */

export const DAYS = 7;
export const SLOTS = 48;
export const SLOT_MINUTES = 30;

export const MEASURES = ['arrivals', 'inTime', 'median'] as const;
export type Measure = (typeof MEASURES)[number];

export interface CellFigures {
  arrivals: number;
  answeredInTime: number;
  medianFirstResponseSeconds: number | null;
}

/** The number of colours, from light to dark. */
const SHADE_COUNT = 5;
/** Lower bounds of the colours for the share answered in time; 0 % and 100 % have colours of their own. */
const SHARE_BOUNDS = [0, 0.5, 0.8, 1] as const;
/** Upper bounds of the colours for the median in seconds: the default first response target, 1 h, 4 h, 1 day. */
export const MEDIAN_BOUNDS = [900, 3_600, 14_400, 86_400] as const;

/** The highest number of arrivals of each colour. Bounds are whole numbers, so few arrivals use few colours. */
export function arrivalBounds(maxArrivals: number): number[] {
  const steps = Math.min(SHADE_COUNT, maxArrivals);
  return Array.from({ length: steps }, (_, i) => Math.ceil(((i + 1) * maxArrivals) / steps));
}

/** Spreads `steps` colours over all available ones and returns the colour of `step`. */
export function spreadShade(step: number, steps: number): number {
  return steps < 2 ? SHADE_COUNT : 1 + Math.round((step * (SHADE_COUNT - 1)) / (steps - 1));
}

/** The colour of a cell, from 1; 0 where it has tickets but no value for the measure, `null` where it has no tickets. */
export function cellShade(measure: Measure, cell: CellFigures, maxArrivals: number): number | null {
  if (cell.arrivals === 0) return null;
  switch (measure) {
    case 'arrivals': {
      const upperBounds = arrivalBounds(maxArrivals);
      return spreadShade(upperBounds.findIndex((bound) => cell.arrivals <= bound), upperBounds.length);
    }
    case 'inTime': {
      const share = cell.answeredInTime / cell.arrivals;
      return share === 0 ? 1 : 1 + SHARE_BOUNDS.filter((bound) => share >= bound).length;
    }
    case 'median': {
      const median = cell.medianFirstResponseSeconds;
      return median === null ? 0 : 1 + MEDIAN_BOUNDS.filter((bound) => median > bound).length;
    }
  }
}

/** Groups consecutive days into [first, last] ranges, for outlines and labels such as "Mon–Fri". */
export function consecutiveRuns(weekdays: readonly number[]): [number, number][] {
  const ranges: [number, number][] = [];
  for (const day of [...weekdays].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last && day === last[1] + 1) last[1] = day;
    else ranges.push([day, day]);
  }
  return ranges;
}

/** The cell that an arrow key leads to; `null` for other keys or at the edge of the grid. */
export function nextCell(at: number, key: string): number | null {
  const slot = at % SLOTS;
  switch (key) {
    case 'ArrowLeft':
      return slot > 0 ? at - 1 : null;
    case 'ArrowRight':
      return slot < SLOTS - 1 ? at + 1 : null;
    case 'ArrowUp':
      return at >= SLOTS ? at - SLOTS : null;
    case 'ArrowDown':
      return at < (DAYS - 1) * SLOTS ? at + SLOTS : null;
    case 'Home':
      return at - slot;
    case 'End':
      return at - slot + SLOTS - 1;
    default:
      return null;
  }
}
