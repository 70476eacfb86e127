/** The languages of the app and its texts. */
import { en, type MessageKey } from './en';
import { zh } from './zh';

export type Language = 'en' | 'zh-CN';
export const LANGUAGES: readonly (readonly [Language, string])[] = [
  ['zh-CN', '中文'],
  ['en', 'English'],
];

const MESSAGES: Record<Language, Record<MessageKey, string>> = { en, 'zh-CN': zh };

/** The first of the user's languages that the app supports. */
export function preferredLanguage(languages: readonly string[]): Language {
  for (const tag of languages) {
    if (/^zh\b/i.test(tag)) return 'zh-CN';
    if (/^en\b/i.test(tag)) return 'en';
  }
  return 'en';
}

/** A text of the app with its placeholders replaced: `{count}` is a value, `{count:ticket|tickets}` the plural form for it. */
export function translate(lang: Language, key: MessageKey, values: Record<string, string | number> = {}): string {
  return MESSAGES[lang][key].replace(/\{(\w+)(?::([^|}]*)\|([^}]*))?\}/g, (placeholder, name: string, one?: string, other?: string) => {
    const value = values[name];
    if (value === undefined) return placeholder;
    return String(one === undefined || other === undefined ? value : String(value) === '1' ? one : other);
  });
}

export type Translate = (key: MessageKey, values?: Record<string, string | number>) => string;

/** The label of an enum value such as a status; the value itself where the app does not know it yet. */
export function enumLabel(t: Translate, prefix: string, value: string): string {
  const key = `${prefix}.${value}`;
  return key in en ? t(key as MessageKey) : value;
}
