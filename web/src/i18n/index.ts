/** The language of the reader. */
import { Store, useStore } from '../lib/store';
import { preferred, say, type Language, type Say } from './words';

export { LANGUAGES, named, type Language, type Say } from './words';

export const language = new Store<Language>(
  'buoy.language',
  (kept) => (kept === 'en' || kept === 'zh-CN' ? kept : preferred(navigator.languages)),
  (value) => value,
);

export function useLanguage(): [Language, Say] {
  const lang = useStore(language);
  return [lang, (word, values) => say(lang, word, values)];
}
