import { describe, expect, it } from 'vitest';
import { bounds, moved, runs, shade, shadeOf } from './heat';

const cell = (arrivals: number, answeredInTime = 0, medianFirstResponseSeconds: number | null = null) => ({
  arrivals, answeredInTime, medianFirstResponseSeconds,
});

describe('a colour', () => {
  it.each([
    [0, []],
    [1, [1]],
    [3, [1, 2, 3]],
    [12, [3, 5, 8, 10, 12]],
  ])('of at most %d arrivals stands for up to %j', (most, expected) => {
    expect(bounds(most)).toEqual(expected);
  });

  it('is the fullest for the most, and the faintest for the fewest', () => {
    expect([0, 1, 2].map((step) => shade(step, 3))).toEqual([1, 3, 5]);
    expect(shadeOf('arrivals', cell(12), 12)).toBe(5);
    expect(shadeOf('arrivals', cell(1), 12)).toBe(1);
    expect(shadeOf('arrivals', cell(1), 1)).toBe(5);
  });

  it.each([
    [cell(0), null],
    [cell(200, 0), 1],
    [cell(200, 1), 2],
    [cell(4, 2), 3],
    [cell(10, 8), 4],
    [cell(200, 199), 4],
    [cell(3, 3), 5],
  ])('of a share sets none and all apart: %j', (of, expected) => {
    expect(shadeOf('inTime', of, 200)).toBe(expected);
  });

  it.each([
    [cell(2), 0],
    [cell(2, 0, 900), 1],
    [cell(2, 0, 901), 2],
    [cell(2, 0, 90_000), 5],
  ])('of a median: %j', (of, expected) => {
    expect(shadeOf('median', of, 2)).toBe(expected);
  });
});

it('gathers days that follow each other', () => {
  expect(runs([7, 1, 2, 4])).toEqual([[1, 2], [4, 4], [7, 7]]);
  expect(runs([])).toEqual([]);
});

it.each([
  [0, 'ArrowLeft', null],
  [47, 'ArrowRight', null],
  [48, 'ArrowUp', 0],
  [335, 'ArrowDown', null],
  [50, 'End', 95],
  [50, 'Home', 48],
  [50, 'x', null],
])('from cell %d, %s leads to %s', (at, key, expected) => {
  expect(moved(at, key)).toBe(expected);
});
