import { useState } from 'react';
import type { PolicyFragment } from '../gql';
import { named, useLanguage } from '../i18n';
import { stretch } from '../lib/clock';
import { Steps } from '../ticket/Steps';
import { PolicyForm } from './PolicyForm';
import { Rehearsal } from './Rehearsal';

interface Props {
  mayEdit: boolean;
  onChange: () => void;
}

/** How long a ticket of each priority may go unanswered, and who is told then. */
export function Policies({ policies, mayEdit, onChange }: Props & { policies: readonly PolicyFragment[] }) {
  const [, t] = useLanguage();
  return (
    <section>
      <h2>{t('rules.escalation')}</h2>
      <p className="quiet">{t('rules.escalation.means')}</p>
      <div className="cards">
        {policies.map((policy) => (
          <Card key={policy.priority} policy={policy} mayEdit={mayEdit} onChange={onChange} />
        ))}
      </div>
    </section>
  );
}

function Card({ policy, mayEdit, onChange }: Props & { policy: PolicyFragment }) {
  const [lang, t] = useLanguage();
  const [editing, setEditing] = useState(false);
  const { priority, clock, levels, version } = policy;
  const steps = levels.map(({ level, afterSeconds, channels }) => ({
    key: level,
    state: 'PLANNED',
    name: stretch(afterSeconds * 1000, lang),
    lines: [
      named(t, 'escalation.does', String(level)),
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
    <article className="sheet-of" data-testid="policy" data-priority={priority}>
      <p className="line">
        <span className={`badge ${priority}`}>{t(`priority.${priority}`)}</span>
        <span className="quiet">
          {t(`clock.${clock}`)} · {t('rules.version', { version })}
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
          <Steps steps={steps} label={t('rules.escalation')} />
          <Rehearsal clock={clock} levels={levels}>
            {mayEdit && (
              <button type="button" onClick={() => setEditing(true)} data-testid="policy-edit">
                {t('edit')}
              </button>
            )}
          </Rehearsal>
        </>
      }
    </article>
  );
}
