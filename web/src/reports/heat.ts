/** What the colours and outlines of the heat-map say, apart from how they are drawn. */

export const DAYS = 7;
export const SLOTS = 48;
export const SLOT_MINUTES = 30;

export const MEASURES = ['arrivals', 'inTime', 'median'] as const;
export type Measure = (typeof MEASURES)[number];

export interface Figures {
  arrivals: number;
  answeredInTime: number;
  medianFirstResponseSeconds: number | null;
}

/** Colours, from the faintest to the fullest. */
const SHADES = 5;
/** Shares answered in time below which a colour holds; what is none or all has a colour of its own. */
const SHARES = [0, 0.5, 0.8, 1] as const;
/** Medians in seconds: the default target of a first response, an hour, four, a day. */
export const MEDIANS = [900, 3_600, 14_400, 86_400] as const;

/** The highest number of arrivals that each colour stands for: whole numbers, so few arrivals use few colours. */
export function bounds(most: number): number[] {
  const steps = Math.min(SHADES, most);
  return Array.from({ length: steps }, (_, i) => Math.ceil(((i + 1) * most) / steps));
}

/** The colour of `step` among so many, spread over all there are. */
export function shade(step: number, steps: number): number {
  return steps < 2 ? SHADES : 1 + Math.round((step * (SHADES - 1)) / (steps - 1));
}

/** The colour of a cell, from 1 on; 0 where it has tickets but not what is measured, `null` where it has none. */
export function shadeOf(measure: Measure, cell: Figures, most: number): number | null {
  if (cell.arrivals === 0) return null;
  switch (measure) {
    case 'arrivals': {
      const upTo = bounds(most);
      return shade(upTo.findIndex((bound) => cell.arrivals <= bound), upTo.length);
    }
    case 'inTime': {
      const share = cell.answeredInTime / cell.arrivals;
      return share === 0 ? 1 : 1 + SHARES.filter((bound) => share >= bound).length;
    }
    case 'median': {
      const median = cell.medianFirstResponseSeconds;
      return median === null ? 0 : 1 + MEDIANS.filter((bound) => median > bound).length;
    }
  }
}

/** Days that follow each other, as first and last: what can be drawn as one outline, or said as "Mon–Fri". */
export function runs(weekdays: readonly number[]): [number, number][] {
  const found: [number, number][] = [];
  for (const day of [...weekdays].sort((a, b) => a - b)) {
    const last = found.at(-1);
    if (last && day === last[1] + 1) last[1] = day;
    else found.push([day, day]);
  }
  return found;
}

/** Where an arrow key leads from a cell; `null` where it is no such key or the grid ends. */
export function moved(at: number, key: string): number | null {
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
