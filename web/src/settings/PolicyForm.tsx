import { useState, type SubmitEvent } from 'react';
import { useAction } from '../api/action';
import { SaveEscalationPolicyDocument, type Channel, type EscalationClock, type EscalationLevelInput, type PolicyFragment } from '../gql';
import { named, useLanguage } from '../i18n';
import { Refusals } from '../shell/ErrorNote';
import { Rehearsal } from './Rehearsal';

const CLOCKS: readonly EscalationClock[] = ['AROUND_THE_CLOCK', 'WORKING_HOURS'];
const CHANNELS: readonly Channel[] = ['WEB', 'WECOM', 'DINGTALK', 'FEISHU', 'EMAIL', 'SMS', 'WEB_PUSH'];
const LEVELS = [1, 2, 3];
const HOUR = 3600;

interface Draft {
  level: number;
  used: boolean;
  /** As it is typed: hours. */
  hours: string;
  channels: readonly Channel[];
}

/** The levels of a policy while somebody changes them. */
export function PolicyForm({ policy, onSaved, onCancel }: { policy: PolicyFragment; onSaved: () => void; onCancel: () => void }) {
  const [, t] = useLanguage();
  const action = useAction(SaveEscalationPolicyDocument);
  const [clock, setClock] = useState(policy.clock);
  const [drafts, setDrafts] = useState<readonly Draft[]>(() =>
    LEVELS.map((level) => {
      const there = policy.levels.find((of) => of.level === level);
      const hours = there ? String(Number((there.afterSeconds / HOUR).toFixed(4))) : '';
      return { level, used: there !== undefined, hours, channels: there?.channels ?? [] };
    }),
  );
  const change = (level: number, to: Partial<Draft>) => setDrafts(drafts.map((draft) => (draft.level === level ? { ...draft, ...to } : draft)));
  const levels: EscalationLevelInput[] = drafts
    .filter(({ used }) => used)
    .map(({ level, hours, channels }) => ({ level, afterSeconds: Math.round(Number(hours) * HOUR), channels: [...channels] }));
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (await action.run({ priority: policy.priority, clock, levels })) onSaved();
  };
  return (
    <form className="panel" onSubmit={(event) => void submit(event)} data-testid="policy-form">
      <label>
        {t('rules.clock')}
        <select value={clock} onChange={(event) => setClock(event.target.value as EscalationClock)}>
          {CLOCKS.map((key) => (
            <option key={key} value={key}>
              {t(`clock.${key}`)}
            </option>
          ))}
        </select>
      </label>
      {drafts.map(({ level, used, hours, channels }) => (
        <fieldset key={level} data-testid="policy-level" data-level={level}>
          <legend>
            <label className="check">
              <input type="checkbox" checked={used} onChange={(event) => change(level, { used: event.target.checked })} />
              {t('escalation.level', { level })}: {named(t, 'escalation.does', String(level))}
            </label>
          </legend>
          {used && (
            <>
              <label>
                {t('rules.hours')}
                <input
                  required
                  type="number"
                  min="0.0003"
                  step="any"
                  value={hours}
                  onChange={(event) => change(level, { hours: event.target.value })}
                />
              </label>
              <div className="ticks">
                {CHANNELS.map((channel) => (
                  <label key={channel} className="check">
                    <input
                      type="checkbox"
                      checked={channels.includes(channel)}
                      onChange={(event) =>
                        change(level, {
                          channels: event.target.checked ? [...channels, channel] : channels.filter((of) => of !== channel),
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
      <Refusals action={action} at="levels" />
      <Refusals action={action} besides={['levels']} />
      <Rehearsal clock={clock} levels={levels}>
        <button type="submit" className="primary" disabled={action.busy} data-testid="policy-save">
          {t('save')}
        </button>
        <button type="button" onClick={onCancel}>
          {t('cancel')}
        </button>
      </Rehearsal>
    </form>
  );
}
