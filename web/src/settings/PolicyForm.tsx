import { useState, type SubmitEvent } from 'react';
import { useAction } from '../api/action';
import { SaveEscalationPolicyDocument, type Channel, type EscalationClock, type EscalationLevelInput, type PolicyFragment } from '../gql';
import { enumLabel, useLanguage } from '../i18n';
import { FormErrors } from '../shell/ErrorNote';
import { PolicySimulation } from './PolicySimulation';

const CLOCKS: readonly EscalationClock[] = ['AROUND_THE_CLOCK', 'WORKING_HOURS'];
const CHANNELS: readonly Channel[] = ['WEB', 'WECOM', 'DINGTALK', 'FEISHU', 'EMAIL', 'SMS', 'WEB_PUSH'];
const LEVELS = [1, 2, 3];
const HOUR = 3600;

interface LevelDraft {
  level: number;
  enabled: boolean;
  /** Hours, as typed. */
  hours: string;
  channels: readonly Channel[];
}

/** The form for the levels of a policy. */
export function PolicyForm({ policy, onSaved, onCancel }: { policy: PolicyFragment; onSaved: () => void; onCancel: () => void }) {
  const [, t] = useLanguage();
  const action = useAction(SaveEscalationPolicyDocument);
  const [clock, setClock] = useState(policy.clock);
  const [drafts, setDrafts] = useState<readonly LevelDraft[]>(() =>
    LEVELS.map((level) => {
      const existing = policy.levels.find((candidate) => candidate.level === level);
      const hours = existing ? String(Number((existing.afterSeconds / HOUR).toFixed(4))) : '';
      return { level, enabled: existing !== undefined, hours, channels: existing?.channels ?? [] };
    }),
  );
  const updateDraft = (level: number, changes: Partial<LevelDraft>) => setDrafts(drafts.map((draft) => (draft.level === level ? { ...draft, ...changes } : draft)));
  const levels: EscalationLevelInput[] = drafts
    .filter(({ enabled }) => enabled)
    .map(({ level, hours, channels }) => ({ level, afterSeconds: Math.round(Number(hours) * HOUR), channels: [...channels] }));
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (await action.run({ priority: policy.priority, clock, levels })) onSaved();
  };
  return (
    <form className="panel" onSubmit={(event) => void submit(event)} data-testid="policy-form">
      <label>
        {t('settings.clock')}
        <select value={clock} onChange={(event) => setClock(event.target.value as EscalationClock)}>
          {CLOCKS.map((key) => (
            <option key={key} value={key}>
              {t(`clock.${key}`)}
            </option>
          ))}
        </select>
      </label>
      {drafts.map(({ level, enabled, hours, channels }) => (
        <fieldset key={level} data-testid="policy-level" data-level={level}>
          <legend>
            <label className="check">
              <input type="checkbox" checked={enabled} onChange={(event) => updateDraft(level, { enabled: event.target.checked })} />
              {t('escalation.level', { level })}: {enumLabel(t, 'escalation.effect', String(level))}
            </label>
          </legend>
          {enabled && (
            <>
              <label>
                {t('settings.hours')}
                <input
                  required
                  type="number"
                  min="0.0003"
                  step="any"
                  value={hours}
                  onChange={(event) => updateDraft(level, { hours: event.target.value })}
                />
              </label>
              <div className="ticks">
                {CHANNELS.map((channel) => (
                  <label key={channel} className="check">
                    <input
                      type="checkbox"
                      checked={channels.includes(channel)}
                      onChange={(event) =>
                        updateDraft(level, {
                          channels: event.target.checked ? [...channels, channel] : channels.filter((candidate) => candidate !== channel),
                        })
                      }
                    />
                    {t(`channel.${channel}`)}
                  </label>
                ))}
              </div>
            </>
          )}
        </fieldset>
      ))}
      <FormErrors action={action} field="levels" />
      <FormErrors action={action} except={['levels']} />
      <PolicySimulation clock={clock} levels={levels}>
        <button type="submit" className="primary" disabled={action.busy} data-testid="policy-save">
          {t('save')}
        </button>
        <button type="button" onClick={onCancel}>
          {t('cancel')}
        </button>
      </PolicySimulation>
    </form>
  );
}
