import { useState, type SubmitEvent } from 'react';
import { nameOf, useCatalogue } from '../api/catalogue';
import { useAction } from '../api/action';
import { client } from '../api/client';
import { SaveSlaPolicyDocument, SlaPolicyNamesDocument, type SlaPolicyFragment, type CalendarFragment } from '../gql';
import { useLanguage, type Language } from '../i18n';
import { formatDurationPrecise } from '../lib/time';
import { FormErrors } from '../shell/ErrorNote';

interface Props {
  calendars: readonly CalendarFragment[];
  mayEdit: boolean;
  onChange: () => void;
}

/** SLA policies: the targets for first response and resolution. */
export function SlaPolicies({ policies, calendars, mayEdit, onChange }: Props & { policies: readonly SlaPolicyFragment[] }) {
  const [lang, t] = useLanguage();
  const { issueTypes } = useCatalogue();
  const [editedKey, setEditedKey] = useState<string | null>(null);
  const formatTarget = (seconds: number | null) => (seconds === null ? t('none') : formatDurationPrecise(seconds * 1000, lang));
  return (
    <section>
      <h2>{t('settings.sla')}</h2>
      <div className="scroll">
        <table>
          <thead>
            <tr>
              <th>{t('settings.sla.name')}</th>
              <th>{t('settings.sla.for')}</th>
              <th className="number">{t('sla.FIRST_RESPONSE')}</th>
              <th className="number">{t('sla.RESOLUTION')}</th>
              <th>{t('settings.calendar')}</th>
              {mayEdit && <th />}
            </tr>
          </thead>
          <tbody>
            {policies
              .filter(({ archived }) => !archived)
              .map((policy) => (
                <tr key={policy.key} data-testid="sla-policy" data-key={policy.key}>
                  <th scope="row">{policy.name}</th>
                  <td>
                    {[
                      ...policy.priorities.map((priority) => t(`priority.${priority}`)),
                      policy.issueType && nameOf(issueTypes, policy.issueType),
                      policy.customer?.name,
                    ]
                      .filter(Boolean)
                      .join(' · ') || t('settings.sla.all')}
                  </td>
                  <td className="number">{formatTarget(policy.firstResponseSeconds)}</td>
                  <td className="number">{formatTarget(policy.resolutionSeconds)}</td>
                  <td>{nameOf(calendars, policy.calendar)}</td>
                  {mayEdit && (
                    <td>
                      <button type="button" onClick={() => setEditedKey(editedKey === policy.key ? null : policy.key)} aria-expanded={editedKey === policy.key}>
                        {t('edit')}
                      </button>
                    </td>
                  )}
                </tr>
              ))}
          </tbody>
        </table>
      </div>
      {policies
        .filter(({ key }) => key === editedKey)
        .map((policy) => (
          <SlaForm
            key={policy.key}
            policy={policy}
            calendars={calendars}
            onCancel={() => setEditedKey(null)}
            onSaved={() => {
              setEditedKey(null);
              onChange();
            }}
          />
        ))}
    </section>
  );
}

/** The name in one language. The list has the name in the reader's language only, but saving needs both. */
async function fetchPolicyName(key: string, language: Language): Promise<string | undefined> {
  const context = { fetchOptions: { headers: { 'accept-language': language } } };
  const { data } = await client.query(SlaPolicyNamesDocument, {}, context).toPromise();
  return data?.slaPolicies.find((policy) => policy.key === key)?.name;
}

const MINUTE = 60;
const HOUR = 3600;

function SlaForm({
  policy,
  calendars,
  onSaved,
  onCancel,
}: {
  policy: SlaPolicyFragment;
  calendars: readonly CalendarFragment[];
  onSaved: () => void;
  onCancel: () => void;
}) {
  const [, t] = useLanguage();
  const action = useAction(SaveSlaPolicyDocument);
  const toFieldValue = (seconds: number | null, unit: number) => (seconds === null ? '' : String(Number((seconds / unit).toFixed(4))));
  const [minutes, setMinutes] = useState(toFieldValue(policy.firstResponseSeconds, MINUTE));
  const [hours, setHours] = useState(toFieldValue(policy.resolutionSeconds, HOUR));
  const [calendar, setCalendar] = useState(policy.calendar);
  const [namesUnavailable, setNamesUnavailable] = useState(false);
  const toSeconds = (fieldValue: string, unit: number) => (fieldValue === '' ? null : Math.round(Number(fieldValue) * unit));
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    // Sequential, because the client merges two equal queries that run at the same time.
    const name = await fetchPolicyName(policy.key, 'en');
    const nameZh = await fetchPolicyName(policy.key, 'zh-CN');
    const bothKnown = name !== undefined && nameZh !== undefined;
    setNamesUnavailable(!bothKnown);
    if (!bothKnown) return;
    const saved = await action.run({
      key: policy.key,
      name,
      nameZh: nameZh === name ? null : nameZh,
      priorities: policy.priorities,
      issueType: policy.issueType,
      customerKey: policy.customer?.key ?? null,
      firstResponseSeconds: toSeconds(minutes, MINUTE),
      resolutionSeconds: toSeconds(hours, HOUR),
      calendarKey: calendar,
    });
    if (saved) onSaved();
  };
  return (
    <form className="panel" onSubmit={(event) => void submit(event)} data-testid="sla-form">
      <h3>{policy.name}</h3>
      <div className="fields">
        <label>
          {t('settings.sla.minutes')}
          <input type="number" min="0.02" step="any" value={minutes} onChange={(event) => setMinutes(event.target.value)} data-testid="sla-minutes" />
          <FormErrors action={action} field="firstResponseSeconds" />
        </label>
        <label>
          {t('settings.sla.hours')}
          <input type="number" min="0.0003" step="any" value={hours} onChange={(event) => setHours(event.target.value)} />
          <FormErrors action={action} field="resolutionSeconds" />
        </label>
        <label>
          {t('settings.calendar')}
          <select value={calendar} onChange={(event) => setCalendar(event.target.value)}>
            {calendars
              .filter(({ archived, key }) => !archived || key === policy.calendar)
              .map(({ key, name }) => (
                <option key={key} value={key}>
                  {name}
                </option>
              ))}
          </select>
        </label>
      </div>
      <p className="quiet">{t('settings.sla.help')}</p>
      {namesUnavailable && <p className="note error">{t('error.offline')}</p>}
      <FormErrors action={action} except={['firstResponseSeconds', 'resolutionSeconds']} />
      <div className="line">
        <button type="submit" className="primary" disabled={action.busy} data-testid="sla-save">
          {t('save')}
        </button>
        <button type="button" onClick={onCancel}>
          {t('cancel')}
        </button>
      </div>
    </form>
  );
}
