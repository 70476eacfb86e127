import { useState } from 'react';
import type { PolicyFragment } from '../gql';
import { enumLabel, useLanguage } from '../i18n';
import { formatDurationPrecise } from '../lib/time';
import { Stepper } from '../ticket/Stepper';
import { PolicyForm } from './PolicyForm';
import { PolicySimulation } from './PolicySimulation';

interface Props {
  mayEdit: boolean;
  onChange: () => void;
}

/** The escalation policy of each priority: when levels fire and whom they notify. */
export function EscalationPolicies({ policies, mayEdit, onChange }: Props & { policies: readonly PolicyFragment[] }) {
  const [, t] = useLanguage();
  return (
    <section>
      <h2>{t('settings.escalation')}</h2>
      <p className="quiet">{t('settings.escalation.help')}</p>
      <div className="cards">
        {policies.map((policy) => (
          <PolicyCard key={policy.priority} policy={policy} mayEdit={mayEdit} onChange={onChange} />
        ))}
      </div>
    </section>
  );
}

function PolicyCard({ policy, mayEdit, onChange }: Props & { policy: PolicyFragment }) {
  const [lang, t] = useLanguage();
  const [editing, setEditing] = useState(false);
  const { priority, clock, levels, version } = policy;
  const steps = levels.map(({ level, afterSeconds, channels }) => ({
    key: level,
    state: 'PLANNED',
    name: formatDurationPrecise(afterSeconds * 1000, lang),
    lines: [
      enumLabel(t, 'escalation.effect', String(level)),
      <span key="channels" className="tags">
        {channels.map((channel) => (
          <span key={channel} className="badge">
            {t(`channel.${channel}`)}
          </span>
        ))}
      </span>,
    ],
  }));
  return (
    <article className="tile" data-testid="policy" data-priority={priority}>
      <p className="line">
        <span className={`badge ${priority}`}>{t(`priority.${priority}`)}</span>
        <span className="quiet">
          {t(`clock.${clock}`)} · {t('settings.version', { version })}
        </span>
      </p>
      {editing ?
        <PolicyForm
          policy={policy}
          onCancel={() => setEditing(false)}
          onSaved={() => {
            setEditing(false);
            onChange();
          }}
        />
      : <>
          <Stepper steps={steps} label={t('settings.escalation')} />
          <PolicySimulation clock={clock} levels={levels}>
            {mayEdit && (
              <button type="button" onClick={() => setEditing(true)} data-testid="policy-edit">
                {t('edit')}
              </button>
            )}
          </PolicySimulation>
        </>
      }
    </article>
  );
}
