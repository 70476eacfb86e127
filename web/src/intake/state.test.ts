import { describe, expect, it } from 'vitest';
import { since, stateOf, type Canary } from './state';

const NOW = '2026-10-12T08:00:00Z';
const canary = (state: Canary['state']): Canary => ({ state, sentAt: 'sent', arrivedAt: state === 'SENT' || state === 'LOST' ? null : 'came', endedAt: state === 'CANCELLED' ? 'over' : null, failure: null });

describe('a gateway', () => {
  it.each([
    [{ isOpen: false, isSilent: true, lastReceivedAt: NOW, canary: canary('LOST') }, 'CLOSED'],
    [{ isOpen: true, isSilent: true, lastReceivedAt: NOW, canary: canary('LOST') }, 'LOST'],
    [{ isOpen: true, isSilent: true, lastReceivedAt: NOW, canary: null }, 'SILENT'],
    [{ isOpen: true, isSilent: false, lastReceivedAt: NOW, canary: null }, 'WORKING'],
    [{ isOpen: true, isSilent: false, lastReceivedAt: null, canary: canary('CANCELLED') }, 'WORKING'],
    [{ isOpen: true, isSilent: false, lastReceivedAt: null, canary: canary('SENT') }, 'UNTRIED'],
    [{ isOpen: true, isSilent: false, lastReceivedAt: null, canary: null }, 'UNTRIED'],
  ] as const)('%j is %s', (health, state) => {
    expect(stateOf(health)).toBe(state);
  });

  it.each([
    ['SENT', 'sent'],
    ['ARRIVED', 'came'],
    ['CANCELLED', 'over'],
    ['LOST', 'sent'],
  ] as const)('has a canary that is %s since it was %s', (state, at) => {
    expect(since(canary(state))).toBe(at);
  });
});
