/** The two languages of the app, and what it says in them. */
import { en, type Word } from './en';
import { zh } from './zh';

export type Language = 'en' | 'zh-CN';
export const LANGUAGES: readonly (readonly [Language, string])[] = [
  ['zh-CN', '中文'],
  ['en', 'English'],
];

const WORDS: Record<Language, Record<Word, string>> = { en, 'zh-CN': zh };

/** The first of the reader's languages that the app speaks. */
export function preferred(languages: readonly string[]): Language {
  for (const tag of languages) {
    if (/^zh\b/i.test(tag)) return 'zh-CN';
    if (/^en\b/i.test(tag)) return 'en';
  }
  return 'en';
}

/** A word of the app, with its values put in. */
export function say(lang: Language, word: Word, values: Record<string, string | number> = {}): string {
  return WORDS[lang][word].replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

export type Say = (word: Word, values?: Record<string, string | number>) => string;

/** The word for a value of the schema, such as a status; the value itself where it is newer than the app. */
export function named(t: Say, prefix: string, value: string): string {
  const word = `${prefix}.${value}`;
  return word in en ? t(word as Word) : value;
}
