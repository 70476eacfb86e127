/** The language of the user. */
import { Store, useStore } from '../lib/store';
import { preferredLanguage, translate, type Language, type Translate } from './messages';

export { LANGUAGES, enumLabel, type Language, type Translate } from './messages';

export const language = new Store<Language>(
  'buoy.language',
  (stored) => (stored === 'en' || stored === 'zh-CN' ? stored : preferredLanguage(navigator.languages)),
  (value) => value,
);

export function useLanguage(): [Language, Translate] {
  const lang = useStore(language);
  return [lang, (key, values) => translate(lang, key, values)];
}
