import { describe, expect, it } from 'vitest';
import { en } from './en';
import { preferred, say } from './words';
import { zh } from './zh';

const holes = (text: string) => (text.match(/\{\w+\}/g) ?? []).sort();

describe('words', () => {
  it.each(Object.keys(en) as (keyof typeof en)[])('%s takes the same values in both languages', (word) => {
    expect(holes(zh[word])).toEqual(holes(en[word]));
    expect(zh[word].trim()).not.toBe('');
  });

  it('are said with their values', () => {
    expect(say('en', 'ticket.merged', { number: 7 })).toBe('Goes on in #7');
    expect(say('zh-CN', 'ticket.merged', { number: 7 })).toBe('已并入 #7');
  });

  it.each([
    [['fr', 'zh-Hant-TW', 'en'], 'zh-CN'],
    [['en-GB', 'zh'], 'en'],
    [['de'], 'en'],
    [[], 'en'],
  ] as const)('a reader of %j reads %s', (languages, expected) => {
    expect(preferred(languages)).toBe(expected);
  });
});
