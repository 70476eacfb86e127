import { useState, type SubmitEvent } from 'react';
import { useAction } from '../api/action';
import { SaveNotificationPreferenceDocument, type MessageLanguage, type NotificationSettingsQuery } from '../gql';
import { useLanguage } from '../i18n';
import { formatMinuteOfDay, parseMinuteOfDay } from '../lib/time';
import { FormErrors } from '../shell/ErrorNote';

/** The language of notifications, and the quiet hours in which only urgent ones alert the user. */
export function NotificationPreference({ preference }: { preference: NotificationSettingsQuery['notificationPreference'] }) {
  const [, t] = useLanguage();
  const action = useAction(SaveNotificationPreferenceDocument);
  const toTimeField = (minute: number | null) => (minute === null ? '' : formatMinuteOfDay(minute));
  const [language, setLanguage] = useState<MessageLanguage | ''>(preference.language ?? '');
  const [from, setFrom] = useState(toTimeField(preference.quietFromMinute));
  const [to, setTo] = useState(toTimeField(preference.quietToMinute));
  const [saved, setSaved] = useState(false);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const done = await action.run({ language: language || null, quietFromMinute: parseMinuteOfDay(from), quietToMinute: parseMinuteOfDay(to) });
    setSaved(done !== null);
  };
  return (
    <section>
      <h2>{t('preference.title')}</h2>
      <form className="panel" onSubmit={(event) => void submit(event)} onChange={() => setSaved(false)}>
        <label>
          {t('preference.language')}
          <select value={language} onChange={(event) => setLanguage(event.target.value as MessageLanguage | '')}>
            <option value="">{t('preference.language.default')}</option>
            <option value="CHINESE">中文</option>
            <option value="ENGLISH">English</option>
          </select>
        </label>
        <fieldset>
          <legend>{t('preference.quiet')}</legend>
          <label>
            {t('from')}
            <input type="time" value={from} onChange={(event) => setFrom(event.target.value)} data-testid="quiet-from" />
          </label>
          <label>
            {t('to')}
            <input type="time" value={to} onChange={(event) => setTo(event.target.value)} data-testid="quiet-to" />
          </label>
        </fieldset>
        <p className="quiet">{t('preference.quiet.help')}</p>
        <FormErrors action={action} />
        <div className="line">
          <button type="submit" disabled={action.busy} data-testid="preference-save">
            {t('save')}
          </button>
          {saved && <span role="status">{t('saved')}</span>}
        </div>
      </form>
    </section>
  );
}
