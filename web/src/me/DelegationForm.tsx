import { useState, type SubmitEvent } from 'react';
import { useAction } from '../api/action';
import { CreateDelegationDocument, type PersonFragment } from '../gql';
import { useLanguage } from '../i18n';
import { formatMinuteOfDay, parseMinuteOfDay, weekdayName } from '../lib/time';
import { FormErrors } from '../shell/ErrorNote';

export const DAYS: readonly number[] = [1, 2, 3, 4, 5, 6, 7];
export const DAY_MINUTES = 24 * 60;

/** The initial values of the form. */
export interface DelegationDraft {
  to: string;
  /** Days in the format of a date field: 2026-10-31. */
  firstDay: string;
  lastDay: string;
  days: readonly number[];
  fromMinute: number;
  toMinute: number;
}

const EMPTY_DRAFT: DelegationDraft = { to: '', firstDay: '', lastDay: '', days: DAYS, fromMinute: 0, toMinute: 0 };

interface Props {
  id: string;
  people: readonly PersonFragment[];
  draft?: DelegationDraft;
  onChange: () => void;
}

/** Creates a delegation for the person with this id. */
export function DelegationForm({ id, people, draft = EMPTY_DRAFT, onChange }: Props) {
  const [lang, t] = useLanguage();
  const create = useAction(CreateDelegationDocument);
  const [to, setTo] = useState(draft.to);
  const [firstDay, setFirstDay] = useState(draft.firstDay);
  const [lastDay, setLastDay] = useState(draft.lastDay);
  const [days, setDays] = useState(draft.days);
  const [startTime, setStartTime] = useState(formatMinuteOfDay(draft.fromMinute));
  // A time field cannot hold 24:00, so midnight also means the end of the day.
  const [endTime, setEndTime] = useState(formatMinuteOfDay(draft.toMinute % DAY_MINUTES));
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const fromMinute = parseMinuteOfDay(startTime) ?? 0;
    const endMinute = parseMinuteOfDay(endTime) ?? 0;
    // The last day is included.
    const periodEnd = new Date(`${lastDay}T00:00`);
    periodEnd.setDate(periodEnd.getDate() + 1);
    const outcome = await create.run({
      fromAgentId: id,
      toAgentId: to,
      period: { from: new Date(`${firstDay}T00:00`).toISOString(), to: periodEnd.toISOString() },
      weekdays: [...days],
      fromMinute,
      // An end at or before the start is on the next day.
      toMinute: endMinute > fromMinute ? endMinute : endMinute + DAY_MINUTES,
    });
    if (outcome) onChange();
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
          <input required type="date" value={firstDay} onChange={(event) => setFirstDay(event.target.value)} data-testid="delegation-first" />
        </label>
        <label>
          {t('delegation.last')}
          <input required type="date" min={firstDay} value={lastDay} onChange={(event) => setLastDay(event.target.value)} data-testid="delegation-last" />
        </label>
        <label>
          {t('from')}
          <input required type="time" value={startTime} onChange={(event) => setStartTime(event.target.value)} />
        </label>
        <label>
          {t('to')}
          <input required type="time" value={endTime} onChange={(event) => setEndTime(event.target.value)} />
        </label>
      </div>
      <fieldset>
        <legend>{t('delegation.weekdays')}</legend>
        {DAYS.map((day) => (
          <label key={day} className="check">
            <input
              type="checkbox"
              checked={days.includes(day)}
              onChange={(event) => setDays(event.target.checked ? [...days, day].sort() : days.filter((other) => other !== day))}
            />
            {weekdayName(day, lang)}
          </label>
        ))}
      </fieldset>
      <FormErrors action={create} />
      <div className="line">
        <button type="submit" disabled={create.busy || days.length === 0} data-testid="delegation-create">
          {t('delegation.create')}
        </button>
      </div>
    </form>
  );
}
