import { describe, expect, it } from 'vitest';
import { pause } from './line';
import { claims } from './token';
import { span, spoken, WORDS } from './words';

const token = (body: object) => `x.${Buffer.from(JSON.stringify(body)).toString('base64url')}.y`;

describe('a token', () => {
  it('says when it ends and whose it is', () => {
    expect(claims(token({ exp: 1_800_000_000, sub: '?>~ÿ' }))).toMatchObject({ endsAt: 1_800_000_000_000 });
    expect(claims(token({ exp: 1, sub: 'u-1' }))).toEqual({ endsAt: 1_000, of: 'u-1' });
  });

  it.each(['', 'opaque', 'a.b.c', token({ exp: 'soon' })])('that is no such thing says nothing: %j', (text) => {
    expect(claims(text)).toEqual({ endsAt: null, of: '' });
  });
});

describe('words', () => {
  it.each([
    [['de', 'zh-Hant', 'en'], 'zh-CN'],
    [[null, '', 'en-GB', 'zh'], 'en'],
    [['enough', 'fr'], 'en'],
  ] as const)('of %j are %s', (tags, expected) => {
    expect(spoken(tags)).toBe(expected);
  });

  it('are the same in both languages', () => {
    expect(Object.keys(WORDS['zh-CN'])).toEqual(Object.keys(WORDS.en));
  });

  it.each([
    [-3, '0 sec'],
    [59, '59 sec'],
    [61, '1 min'],
    [7_300, '2 hr'],
    [200_000, '2 days'],
  ])('say %d seconds as %s', (seconds, expected) => {
    expect(span(seconds, 'en')).toBe(expected);
  });
});

it('waits longer and longer, but not for ever, and never quite the same', () => {
  expect(pause(0, 0)).toBe(250);
  expect(pause(0, 1)).toBe(500);
  expect(pause(3, 1)).toBe(4_000);
  expect(pause(50, 1)).toBe(30_000);
});
