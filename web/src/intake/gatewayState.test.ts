import { describe, expect, it } from 'vitest';
import { canaryStateSince, gatewayState, type Canary } from './gatewayState';

const NOW = '2026-10-12T08:00:00Z';
const canary = (state: Canary['state']): Canary => ({ state, sentAt: 'sent', arrivedAt: state === 'SENT' || state === 'LOST' ? null : 'came', endedAt: state === 'CANCELLED' ? 'over' : null, failure: null });

describe('a gateway', () => {
  it.each([
    [{ isConfigured: false, isSilent: true, lastReceivedAt: NOW, canary: canary('LOST') }, 'CLOSED'],
    [{ isConfigured: true, isSilent: true, lastReceivedAt: NOW, canary: canary('LOST') }, 'LOST'],
    [{ isConfigured: true, isSilent: true, lastReceivedAt: NOW, canary: null }, 'SILENT'],
    [{ isConfigured: true, isSilent: false, lastReceivedAt: NOW, canary: null }, 'WORKING'],
    [{ isConfigured: true, isSilent: false, lastReceivedAt: null, canary: canary('CANCELLED') }, 'WORKING'],
    [{ isConfigured: true, isSilent: false, lastReceivedAt: null, canary: canary('SENT') }, 'UNTRIED'],
    [{ isConfigured: true, isSilent: false, lastReceivedAt: null, canary: null }, 'UNTRIED'],
  ] as const)('with %j is in state %s', (health, state) => {
    expect(gatewayState(health)).toBe(state);
  });

  it.each([
    ['SENT', 'sent'],
    ['ARRIVED', 'came'],
    ['CANCELLED', 'over'],
    ['LOST', 'sent'],
  ] as const)('a canary in state %s is in it since %s', (state, at) => {
    expect(canaryStateSince(canary(state))).toBe(at);
  });
});
