import { useState, type SubmitEvent } from 'react';
import { useAction } from '../api/action';
import { CreateDelegationDocument, type PersonFragment } from '../gql';
import { useLanguage } from '../i18n';
import { ofDay, toMinute, weekday } from '../lib/clock';
import { Refusals } from '../shell/ErrorNote';

export const DAYS: readonly number[] = [1, 2, 3, 4, 5, 6, 7];
export const DAY_MINUTES = 24 * 60;

/** What the form holds when it is opened. */
export interface Start {
  to: string;
  /** Days as a date field has them: 2026-10-31. */
  first: string;
  last: string;
  days: readonly number[];
  fromMinute: number;
  toMinute: number;
}

const EMPTY: Start = { to: '', first: '', last: '', days: DAYS, fromMinute: 0, toMinute: 0 };

interface Props {
  id: string;
  people: readonly PersonFragment[];
  start?: Start;
  onChange: () => void;
}

/** Names who stands in for the person with this id. */
export function DelegationForm({ id, people, start = EMPTY, onChange }: Props) {
  const [lang, t] = useLanguage();
  const create = useAction(CreateDelegationDocument);
  const [to, setTo] = useState(start.to);
  const [first, setFirst] = useState(start.first);
  const [last, setLast] = useState(start.last);
  const [days, setDays] = useState(start.days);
  const [begin, setBegin] = useState(ofDay(start.fromMinute));
  // A time field knows no 24:00; midnight is the end of the day too.
  const [finish, setFinish] = useState(ofDay(start.toMinute % DAY_MINUTES));
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
          {people
            .filter((person) => person.id !== id)
            .map((person) => (
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
