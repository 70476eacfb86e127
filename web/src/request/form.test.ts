import { describe, expect, it } from 'vitest';
import { isBlank, parseAnswer, isPassUsable, serializeDraft } from './form';

const errorBody = (code: string, submissionId: string | null = null) => ({ error: { code, message: 'why', submissionId } });

describe('parseAnswer', () => {
  it.each([
    [200, { ticket: 'TKN-ABCDEF-12345', link: '/t/abc' }, null, { ticket: 'TKN-ABCDEF-12345', link: '/t/abc' }],
    [200, { ticket: 'TKN-ABCDEF-12345' }, null, { ticket: 'TKN-ABCDEF-12345', link: null }],
    [200, {}, null, { kind: 'FAILED' }],
    [401, errorBody('TIMESTAMP_INVALID', 's1'), null, { kind: 'EXPIRED', reference: 's1' }],
    [401, errorBody('SIGNATURE_INVALID', 's1'), null, { kind: 'EXPIRED', reference: 's1' }],
    // This message is in English for people who read logs, so the page does not show it.
    [401, errorBody('NO_CREDENTIAL', 's1'), null, { kind: 'KEPT', reference: 's1', message: null }],
    [401, errorBody('MALFORMED', 's1'), null, { kind: 'KEPT', reference: 's1', message: null }],
    [422, errorBody('INVALID', 's1'), null, { kind: 'KEPT', reference: 's1', message: 'why' }],
    [429, errorBody('LIMIT_EXCEEDED'), '90', { kind: 'LATER', minutes: 2 }],
    [429, errorBody('LIMIT_EXCEEDED'), null, { kind: 'LATER', minutes: 10 }],
    [413, errorBody('LIMIT_EXCEEDED'), null, { kind: 'REFUSED', message: 'why' }],
    [500, errorBody('INTERNAL'), null, { kind: 'FAILED' }],
    [502, null, null, { kind: 'FAILED' }],
  ] as const)('maps status %i with body %j', (status, body, retryAfter, expected) => {
    expect(parseAnswer(status, body, retryAfter)).toEqual(expected);
  });
});

describe('a pass', () => {
  const pass = { pass: 'p', at: 1_000, spelt: null };
  it('can be used for a day', () => {
    expect(isPassUsable(pass, 'a', 2_000)).toBe(true);
    expect(isPassUsable(pass, 'a', 86_400_000)).toBe(false);
  });

  it('can be sent again with the same content only', () => {
    expect(isPassUsable({ ...pass, spelt: 'a' }, 'a', 2_000)).toBe(true);
    expect(isPassUsable({ ...pass, spelt: 'a' }, 'b', 2_000)).toBe(false);
  });
});

it('surrounding whitespace does not change the content, and a blank field makes the draft blank', () => {
  const draft = { title: ' a ', description: 'b\n', contact: 'c' };
  expect(serializeDraft(draft)).toBe(serializeDraft({ title: 'a', description: 'b', contact: ' c' }));
  expect([isBlank(draft), isBlank({ ...draft, contact: ' ' })]).toEqual([false, true]);
});
