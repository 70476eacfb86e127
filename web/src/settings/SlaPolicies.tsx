import { useState, type SubmitEvent } from 'react';
import { nameOf, useCatalogue } from '../api/catalogue';
import { useAction } from '../api/action';
import { client } from '../api/client';
import { SaveSlaPolicyDocument, SlaNamesDocument, type SlaRuleFragment, type TimesFragment } from '../gql';
import { useLanguage, type Language } from '../i18n';
import { stretch } from '../lib/clock';
import { Refusals } from '../shell/ErrorNote';

interface Props {
  calendars: readonly TimesFragment[];
  mayEdit: boolean;
  onChange: () => void;
}

/** Within how long tickets must be answered and solved. */
export function SlaPolicies({ policies, calendars, mayEdit, onChange }: Props & { policies: readonly SlaRuleFragment[] }) {
  const [lang, t] = useLanguage();
  const { issueTypes } = useCatalogue();
  const [edited, setEdited] = useState<string | null>(null);
  const target = (seconds: number | null) => (seconds === null ? t('none') : stretch(seconds * 1000, lang));
  return (
    <section>
      <h2>{t('rules.sla')}</h2>
      <div className="scroll">
        <table>
          <thead>
            <tr>
              <th>{t('rules.sla.name')}</th>
              <th>{t('rules.sla.for')}</th>
              <th className="number">{t('sla.FIRST_RESPONSE')}</th>
              <th className="number">{t('sla.RESOLUTION')}</th>
              <th>{t('rules.calendar')}</th>
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
                      .join(' · ') || t('rules.sla.all')}
                  </td>
                  <td className="number">{target(policy.firstResponseSeconds)}</td>
                  <td className="number">{target(policy.resolutionSeconds)}</td>
                  <td>{nameOf(calendars, policy.calendar)}</td>
                  {mayEdit && (
                    <td>
                      <button type="button" onClick={() => setEdited(edited === policy.key ? null : policy.key)} aria-expanded={edited === policy.key}>
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
        .filter(({ key }) => key === edited)
        .map((policy) => (
          <SlaForm
            key={policy.key}
            policy={policy}
            calendars={calendars}
            onCancel={() => setEdited(null)}
            onSaved={() => {
              setEdited(null);
              onChange();
            }}
          />
        ))}
    </section>
  );
}

/** The name in a language: a policy is read in one, and saved in both. */
async function nameIn(key: string, language: Language): Promise<string | undefined> {
  const context = { fetchOptions: { headers: { 'accept-language': language } } };
  const { data } = await client.query(SlaNamesDocument, {}, context).toPromise();
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
  policy: SlaRuleFragment;
  calendars: readonly TimesFragment[];
  onSaved: () => void;
  onCancel: () => void;
}) {
  const [, t] = useLanguage();
  const action = useAction(SaveSlaPolicyDocument);
  const shown = (seconds: number | null, unit: number) => (seconds === null ? '' : String(Number((seconds / unit).toFixed(4))));
  const [minutes, setMinutes] = useState(shown(policy.firstResponseSeconds, MINUTE));
  const [hours, setHours] = useState(shown(policy.resolutionSeconds, HOUR));
  const [calendar, setCalendar] = useState(policy.calendar);
  const [offline, setOffline] = useState(false);
  const seconds = (typed: string, unit: number) => (typed === '' ? null : Math.round(Number(typed) * unit));
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    // One after the other: the client takes two equal queries at a time for one.
    const name = await nameIn(policy.key, 'en');
    const nameZh = await nameIn(policy.key, 'zh-CN');
    const known = name !== undefined && nameZh !== undefined;
    setOffline(!known);
    if (!known) return;
    const saved = await action.run({
      key: policy.key,
      name,
      nameZh: nameZh === name ? null : nameZh,
      priorities: policy.priorities,
      issueType: policy.issueType,
      customerKey: policy.customer?.key ?? null,
      firstResponseSeconds: seconds(minutes, MINUTE),
      resolutionSeconds: seconds(hours, HOUR),
      calendarKey: calendar,
    });
    if (saved) onSaved();
  };
  return (
    <form className="panel" onSubmit={(event) => void submit(event)} data-testid="sla-form">
      <h3>{policy.name}</h3>
      <div className="fields">
        <label>
          {t('rules.sla.minutes')}
          <input type="number" min="0.02" step="any" value={minutes} onChange={(event) => setMinutes(event.target.value)} data-testid="sla-minutes" />
          <Refusals action={action} at="firstResponseSeconds" />
        </label>
        <label>
          {t('rules.sla.hours')}
          <input type="number" min="0.0003" step="any" value={hours} onChange={(event) => setHours(event.target.value)} />
          <Refusals action={action} at="resolutionSeconds" />
        </label>
        <label>
          {t('rules.calendar')}
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
      <p className="quiet">{t('rules.sla.means')}</p>
      {offline && <p className="note error">{t('error.offline')}</p>}
      <Refusals action={action} besides={['firstResponseSeconds', 'resolutionSeconds']} />
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
