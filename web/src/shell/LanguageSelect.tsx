import { LANGUAGES, language, useLanguage, type Language } from '../i18n';

export function LanguageSelect() {
  const [current, t] = useLanguage();
  return (
    <select
      data-testid="language"
      aria-label={t('app.language')}
      value={current}
      onChange={(event) => language.set(event.target.value as Language)}
    >
      {LANGUAGES.map(([key, name]) => (
        <option key={key} value={key}>
          {name}
        </option>
      ))}
    </select>
  );
}
