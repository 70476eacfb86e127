import { useAction } from '../api/action';
import { EndDelegationDocument, type PersonFragment, type DelegationRowFragment } from '../gql';
import { useLanguage } from '../i18n';
import { formatDateTime, formatMinuteOfDay, weekdayName } from '../lib/time';
import { FormErrors } from '../shell/ErrorNote';
import { DAY_MINUTES, DAYS, DelegationForm } from './DelegationForm';

interface Props {
  id: string;
  delegations: readonly DelegationRowFragment[];
  people: readonly PersonFragment[];
  onChange: () => void;
}

/** 临时代理岗: who is the delegate of this person, and for whom this person is one. */
export function Delegations({ id, delegations, people, onChange }: Props) {
  const [lang, t] = useLanguage();
  const end = useAction(EndDelegationDocument);
  const ownDelegations = delegations
    .filter(({ fromAgent, toAgent }) => fromAgent.id === id || toAgent.id === id)
    // A delegation that was ended before it began stays in the list of the server, but never takes effect.
    .filter(({ beginsAt, endsAt }) => Date.parse(endsAt) > Date.parse(beginsAt));
  const hoursLabel = ({ fromMinute, toMinute: to }: DelegationRowFragment) =>
    to - fromMinute === DAY_MINUTES ? t('delegation.allDay') : `${formatMinuteOfDay(fromMinute)}–${formatMinuteOfDay(to % DAY_MINUTES)}`;
  return (
    <>
      <h3>{t('delegation.title')}</h3>
      <ul className="rows">
        {ownDelegations.length === 0 && <li className="quiet">{t('delegation.none')}</li>}
        {ownDelegations.map((delegation) => (
          <li key={delegation.id} className="line" data-testid="delegation">
            <strong>
              {delegation.fromAgent.name} → {delegation.toAgent.name}
            </strong>
            <span className="quiet">
              {formatDateTime(delegation.beginsAt, lang)} – {formatDateTime(delegation.endsAt, lang)} ·{' '}
              {delegation.weekdays.length < DAYS.length && `${delegation.weekdays.map((day) => weekdayName(day, lang)).join(' ')} · `}
              {hoursLabel(delegation)}
            </span>
            {delegation.fromAgent.id === id && (
              <button
                type="button"
                disabled={end.busy}
                onClick={() => void end.run({ delegationId: delegation.id }).then((done) => done && onChange())}
              >
                {t('delegation.end')}
              </button>
            )}
          </li>
        ))}
      </ul>
      <FormErrors action={end} />
      <details>
        <summary>{t('delegation.create')}</summary>
        <DelegationForm id={id} people={people} onChange={onChange} />
      </details>
    </>
  );
}
