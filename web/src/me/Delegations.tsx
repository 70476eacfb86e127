import { useAction } from '../api/action';
import { EndDelegationDocument, type PersonFragment, type StandsFragment } from '../gql';
import { useLanguage } from '../i18n';
import { moment, ofDay, weekday } from '../lib/clock';
import { Refusals } from '../shell/ErrorNote';
import { DAY_MINUTES, DAYS, DelegationForm } from './DelegationForm';

interface Props {
  id: string;
  delegations: readonly StandsFragment[];
  people: readonly PersonFragment[];
  onChange: () => void;
}

/** 临时代理岗: who stands in for this person, and for whom they do. */
export function Delegations({ id, delegations, people, onChange }: Props) {
  const [lang, t] = useLanguage();
  const end = useAction(EndDelegationDocument);
  const mine = delegations
    .filter(({ fromAgent, toAgent }) => fromAgent.id === id || toAgent.id === id)
    // One that was ended before it began stays, and is never on.
    .filter(({ beginsAt, endsAt }) => Date.parse(endsAt) > Date.parse(beginsAt));
  const hours = ({ fromMinute, toMinute: to }: StandsFragment) =>
    to - fromMinute === DAY_MINUTES ? t('delegation.allDay') : `${ofDay(fromMinute)}–${ofDay(to % DAY_MINUTES)}`;
  return (
    <>
      <h3>{t('delegation.title')}</h3>
      <ul className="rows">
        {mine.length === 0 && <li className="quiet">{t('delegation.none')}</li>}
        {mine.map((stands) => (
          <li key={stands.id} className="line" data-testid="delegation">
            <strong>
              {stands.fromAgent.name} → {stands.toAgent.name}
            </strong>
            <span className="quiet">
              {moment(stands.beginsAt, lang)} – {moment(stands.endsAt, lang)} ·{' '}
              {stands.weekdays.length < DAYS.length && `${stands.weekdays.map((day) => weekday(day, lang)).join(' ')} · `}
              {hours(stands)}
            </span>
            {stands.fromAgent.id === id && (
              <button
                type="button"
                disabled={end.busy}
                onClick={() => void end.run({ delegationId: stands.id }).then((done) => done && onChange())}
              >
                {t('delegation.end')}
              </button>
            )}
          </li>
        ))}
      </ul>
      <Refusals action={end} />
      <details>
        <summary>{t('delegation.create')}</summary>
        <DelegationForm id={id} people={people} onChange={onChange} />
      </details>
    </>
  );
}
