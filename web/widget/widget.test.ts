import { describe, expect, it } from 'vitest';
import { retryDelay } from './socket';
import { readClaims } from './token';
import { formatDuration, pickLanguage, MESSAGES } from './messages';

const token = (body: object) => `x.${Buffer.from(JSON.stringify(body)).toString('base64url')}.y`;

describe('a token', () => {
  it('is read for its expiry and subject', () => {
    expect(readClaims(token({ exp: 1_800_000_000, sub: '?>~ÿ' }))).toMatchObject({ expiresAt: 1_800_000_000_000 });
    expect(readClaims(token({ exp: 1, sub: 'u-1' }))).toEqual({ expiresAt: 1_000, subject: 'u-1' });
  });

  it.each(['', 'opaque', 'a.b.c', token({ exp: 'soon' })])('that is not a JWT yields neither: %j', (text) => {
    expect(readClaims(text)).toEqual({ expiresAt: null, subject: '' });
  });
});

describe('messages', () => {
  it.each([
    [['de', 'zh-Hant', 'en'], 'zh-CN'],
    [[null, '', 'en-GB', 'zh'], 'en'],
    [['enough', 'fr'], 'en'],
  ] as const)('for the languages %j are in %s', (tags, expected) => {
    expect(pickLanguage(tags)).toBe(expected);
  });

  it('have the same keys in both languages', () => {
    expect(Object.keys(MESSAGES['zh-CN'])).toEqual(Object.keys(MESSAGES.en));
  });

  it.each([
    [-3, '0 sec'],
    [59, '59 sec'],
    [61, '1 min'],
    [7_300, '2 hr'],
    [200_000, '2 days'],
  ])('format %d seconds as %s', (seconds, expected) => {
    expect(formatDuration(seconds, 'en')).toBe(expected);
  });
});

it('the retry delay doubles up to a maximum, with jitter', () => {
  expect(retryDelay(0, 0)).toBe(250);
  expect(retryDelay(0, 1)).toBe(500);
  expect(retryDelay(3, 1)).toBe(4_000);
  expect(retryDelay(50, 1)).toBe(30_000);
});
