import { useState, type SubmitEvent } from 'react';
import { useAction } from '../api/action';
import { CreateDelegationDocument, EndDelegationDocument, type PersonFragment, type StandsFragment } from '../gql';
import { useLanguage } from '../i18n';
import { moment, ofDay, toMinute, weekday } from '../lib/clock';
import { Refusals } from '../shell/ErrorNote';

const DAYS = [1, 2, 3, 4, 5, 6, 7];
const DAY_MINUTES = 24 * 60;

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
        <Create id={id} people={people.filter((person) => person.id !== id)} onChange={onChange} />
      </details>
    </>
  );
}

function Create({ id, people, onChange }: Pick<Props, 'id' | 'people' | 'onChange'>) {
  const [lang, t] = useLanguage();
  const create = useAction(CreateDelegationDocument);
  const [to, setTo] = useState('');
  const [first, setFirst] = useState('');
  const [last, setLast] = useState('');
  const [days, setDays] = useState<readonly number[]>(DAYS);
  const [begin, setBegin] = useState('00:00');
  const [finish, setFinish] = useState('00:00');
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const fromMinute = toMinute(begin) ?? 0;
    const until = toMinute(finish) ?? 0;
    // The last day counts whole.
    const behind = new Date(`${last}T00:00`);
    behind.setDate(behind.getDate() + 1);
    const done = await create.run({
      fromAgentId: id,
      toAgentId: to,
      period: { from: new Date(`${first}T00:00`).toISOString(), to: behind.toISOString() },
      weekdays: [...days],
      fromMinute,
      // Not behind the beginning: of the next day.
      toMinute: until > fromMinute ? until : until + DAY_MINUTES,
    });
    if (done) onChange();
  };
  return (
    <form className="panel" onSubmit={(event) => void submit(event)}>
      <label>
        {t('delegation.to')}
        <select required value={to} onChange={(event) => setTo(event.target.value)} data-testid="delegation-to">
          <option value="" disabled />
          {people.map((person) => (
            <option key={person.id} value={person.id}>
              {person.name}
            </option>
          ))}
        </select>
      </label>
      <div className="fields">
        <label>
          {t('delegation.first')}
          <input required type="date" value={first} onChange={(event) => setFirst(event.target.value)} data-testid="delegation-first" />
        </label>
        <label>
          {t('delegation.last')}
          <input required type="date" min={first} value={last} onChange={(event) => setLast(event.target.value)} data-testid="delegation-last" />
        </label>
        <label>
          {t('from')}
          <input required type="time" value={begin} onChange={(event) => setBegin(event.target.value)} />
        </label>
        <label>
          {t('to')}
          <input required type="time" value={finish} onChange={(event) => setFinish(event.target.value)} />
        </label>
      </div>
      <fieldset>
        <legend>{t('delegation.weekdays')}</legend>
        {DAYS.map((day) => (
          <label key={day} className="check">
            <input
              type="checkbox"
              checked={days.includes(day)}
              onChange={(event) => setDays(event.target.checked ? [...days, day].sort() : days.filter((of) => of !== day))}
            />
            {weekday(day, lang)}
          </label>
        ))}
      </fieldset>
      <Refusals action={create} />
      <div className="line">
        <button type="submit" disabled={create.busy || days.length === 0} data-testid="delegation-create">
          {t('delegation.create')}
        </button>
      </div>
    </form>
  );
}
