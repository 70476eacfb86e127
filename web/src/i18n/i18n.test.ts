import { describe, expect, it } from 'vitest';
import { en } from './en';
import { preferredLanguage, translate } from './messages';
import { zh } from './zh';

const placeholders = (text: string) => (text.match(/\{\w+\}/g) ?? []).sort();

describe('messages', () => {
  it.each(Object.keys(en) as (keyof typeof en)[])('%s has the same placeholders in both languages', (key) => {
    expect(placeholders(zh[key])).toEqual(placeholders(en[key]));
    expect(zh[key].trim()).not.toBe('');
  });

  it('replaces placeholders', () => {
    expect(translate('en', 'ticket.merged', { number: 7 })).toBe('Merged into #7');
    expect(translate('zh-CN', 'ticket.merged', { number: 7 })).toBe('已并入 #7');
  });

  it.each([
    [1, '1 case'],
    ['1', '1 case'],
    [0, '0 cases'],
    [21, '21 cases'],
  ] as const)('takes the plural form for %j', (count, expected) => {
    expect(translate('en', 'card.cases', { count })).toBe(expected);
    expect(translate('zh-CN', 'card.cases', { count })).toBe(`${count} 个案例`);
  });

  it.each([
    [['fr', 'zh-Hant-TW', 'en'], 'zh-CN'],
    [['en-GB', 'zh'], 'en'],
    [['de'], 'en'],
    [[], 'en'],
  ] as const)('for the browser languages %j the app uses %s', (languages, expected) => {
    expect(preferredLanguage(languages)).toBe(expected);
  });
});
