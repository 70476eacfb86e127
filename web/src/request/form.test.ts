import { describe, expect, it } from 'vitest';
import { isBlank, read, serves, spell } from './form';

const failed = (code: string, submissionId: string | null = null) => ({ error: { code, message: 'why', submissionId } });

describe('what the server answers to a form', () => {
  it.each([
    [200, { ticket: 'TKN-ABCDEF-12345' }, null, 'TKN-ABCDEF-12345'],
    [200, {}, null, { kind: 'FAILED' }],
    [401, failed('TIMESTAMP_INVALID', 's1'), null, { kind: 'EXPIRED', reference: 's1' }],
    [401, failed('SIGNATURE_INVALID', 's1'), null, { kind: 'EXPIRED', reference: 's1' }],
    // Said in English, to whoever reads logs.
    [401, failed('NO_CREDENTIAL', 's1'), null, { kind: 'KEPT', reference: 's1', message: null }],
    [401, failed('MALFORMED', 's1'), null, { kind: 'KEPT', reference: 's1', message: null }],
    [422, failed('INVALID', 's1'), null, { kind: 'KEPT', reference: 's1', message: 'why' }],
    [429, failed('LIMIT_EXCEEDED'), '90', { kind: 'LATER', minutes: 2 }],
    [429, failed('LIMIT_EXCEEDED'), null, { kind: 'LATER', minutes: 10 }],
    [413, failed('LIMIT_EXCEEDED'), null, { kind: 'REFUSED', message: 'why' }],
    [500, failed('INTERNAL'), null, { kind: 'FAILED' }],
    [502, null, null, { kind: 'FAILED' }],
  ] as const)('%i %j', (status, body, retryAfter, means) => {
    expect(read(status, body, retryAfter)).toEqual(means);
  });
});

describe('a pass', () => {
  const pass = { pass: 'p', at: 1_000, spelt: null };
  it('serves for a day', () => {
    expect(serves(pass, 'a', 2_000)).toBe(true);
    expect(serves(pass, 'a', 86_400_000)).toBe(false);
  });

  it('serves the words again with which it was sent, and no others', () => {
    expect(serves({ ...pass, spelt: 'a' }, 'a', 2_000)).toBe(true);
    expect(serves({ ...pass, spelt: 'a' }, 'b', 2_000)).toBe(false);
  });
});

it('words are the same without the blanks around them', () => {
  const draft = { title: ' a ', description: 'b\n', contact: 'c' };
  expect(spell(draft)).toBe(spell({ title: 'a', description: 'b', contact: ' c' }));
  expect([isBlank(draft), isBlank({ ...draft, contact: ' ' })]).toEqual([false, true]);
});
