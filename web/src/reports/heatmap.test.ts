import { describe, expect, it } from 'vitest';
import { arrivalBounds, nextCell, consecutiveRuns, spreadShade, cellShade } from './heatmap';

const cell = (arrivals: number, answeredInTime = 0, medianFirstResponseSeconds: number | null = null) => ({
  arrivals, answeredInTime, medianFirstResponseSeconds,
});

describe('heatmap colours', () => {
  it.each([
    [0, []],
    [1, [1]],
    [3, [1, 2, 3]],
    [12, [3, 5, 8, 10, 12]],
  ])('for at most %d arrivals have the upper bounds %j', (maxArrivals, expected) => {
    expect(arrivalBounds(maxArrivals)).toEqual(expected);
  });

  it('are darkest for the most arrivals and lightest for the fewest', () => {
    expect([0, 1, 2].map((step) => spreadShade(step, 3))).toEqual([1, 3, 5]);
    expect(cellShade('arrivals', cell(12), 12)).toBe(5);
    expect(cellShade('arrivals', cell(1), 12)).toBe(1);
    expect(cellShade('arrivals', cell(1), 1)).toBe(5);
  });

  it.each([
    [cell(0), null],
    [cell(200, 0), 1],
    [cell(200, 1), 2],
    [cell(4, 2), 3],
    [cell(10, 8), 4],
    [cell(200, 199), 4],
    [cell(3, 3), 5],
  ])('give 0 % and 100 % answered in time their own colour: %j', (figures, expected) => {
    expect(cellShade('inTime', figures, 200)).toBe(expected);
  });

  it.each([
    [cell(2), 0],
    [cell(2, 0, 900), 1],
    [cell(2, 0, 901), 2],
    [cell(2, 0, 90_000), 5],
  ])('depend on the bounds of the median: %j', (figures, expected) => {
    expect(cellShade('median', figures, 2)).toBe(expected);
  });
});

it('groups consecutive days', () => {
  expect(consecutiveRuns([7, 1, 2, 4])).toEqual([[1, 2], [4, 4], [7, 7]]);
  expect(consecutiveRuns([])).toEqual([]);
});

it.each([
  [0, 'ArrowLeft', null],
  [47, 'ArrowRight', null],
  [48, 'ArrowUp', 0],
  [335, 'ArrowDown', null],
  [50, 'End', 95],
  [50, 'Home', 48],
  [50, 'x', null],
])('from cell %d, key %s moves to cell %s', (at, key, expected) => {
  expect(nextCell(at, key)).toBe(expected);
});
