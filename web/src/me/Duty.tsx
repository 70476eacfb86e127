import { useState, type SubmitEvent } from 'react';
import { useQuery } from 'urql';
import { useAction } from '../api/action';
import { CreateAbsenceDocument, DutyDocument, EndAbsenceDocument, type DutyQuery } from '../gql';
import { useLanguage } from '../i18n';
import { moment, useNow } from '../lib/clock';
import { ErrorNote, Refusals } from '../shell/ErrorNote';
import { Delegations } from './Delegations';

type Profile = DutyQuery['agentProfiles'][number];

/** What dispatch knows of somebody, when they are away, and who stands in for them. */
export function MyDuty({ id }: { id: string }) {
  const [, t] = useLanguage();
  const [{ data, error }, load] = useQuery({ query: DutyDocument });
  const again = () => load({ requestPolicy: 'network-only' });
  if (error) return <ErrorNote error={error} again={again} />;
  const mine = data?.agentProfiles.find(({ user }) => user.id === id);
  // Whoever takes no tickets has no duty.
  if (!data || !mine) return null;
  return (
    <section data-testid="duty">
      <h2>{t('duty.title')}</h2>
      <dl className="facts">
        <div>
          <dt>{t('duty.skills')}</dt>
          <dd>{mine.skillLevels.map(({ skill, level }) => `${skill} ${level}/5`).join(' · ') || t('none')}</dd>
        </div>
        <div>
          <dt>{t('duty.capacity')}</dt>
          <dd>{mine.capacity}</dd>
        </div>
        <div>
          <dt>{t('duty.calendar')}</dt>
          <dd>{mine.calendarKey ?? t('duty.calendar.none')}</dd>
        </div>
      </dl>
      <Absences absences={mine.absences} onChange={again} />
      <Delegations id={id} delegations={data.delegations} people={data.agentProfiles.map(({ user }) => user)} onChange={again} />
    </section>
  );
}

/** An instant that a local date and time names; `null` where the field is empty. */
const instant = (local: string) => (local === '' ? null : new Date(local).toISOString());

function Absences({ absences, onChange }: { absences: Profile['absences']; onChange: () => void }) {
  const [lang, t] = useLanguage();
  const create = useAction(CreateAbsenceDocument);
  const end = useAction(EndAbsenceDocument);
  const [from, setFrom] = useState('');
  const [until, setUntil] = useState('');
  const [note, setNote] = useState('');
  // By the second: what was begun or ended just now is seen to be.
  const now = useNow(1_000);
  // One that was ended before it began stays, and is never on.
  const coming = absences.filter(({ from: begins, until: ends }) => ends === null || Date.parse(ends) > Math.max(now, Date.parse(begins)));
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (!(await create.run({ from: instant(from), until: instant(until), note: note || null }))) return;
    setFrom('');
    setUntil('');
    setNote('');
    onChange();
  };
  return (
    <>
      <h3>{t('absence.title')}</h3>
      <ul className="rows">
        {coming.length === 0 && <li className="quiet">{t('absence.none')}</li>}
        {coming.map((absence) => (
          <li key={absence.id} className="line" data-testid="absence">
            {Date.parse(absence.from) <= now && <span className="badge HIGH">{t('absence.now')}</span>}
            <span>
              {moment(absence.from, lang)} – {absence.until === null ? t('absence.open') : moment(absence.until, lang)}
            </span>
            {absence.note && <span className="quiet">{absence.note}</span>}
            <button type="button" disabled={end.busy} onClick={() => void end.run({ absenceId: absence.id }).then((done) => done && onChange())}>
              {t('absence.end')}
            </button>
          </li>
        ))}
      </ul>
      <Refusals action={end} />
      <details>
        <summary>{t('absence.create')}</summary>
        <form className="panel" onSubmit={(event) => void submit(event)}>
          <label>
            {t('absence.from')}
            <input type="datetime-local" value={from} onChange={(event) => setFrom(event.target.value)} />
          </label>
          <label>
            {t('absence.until')}
            <input type="datetime-local" value={until} onChange={(event) => setUntil(event.target.value)} data-testid="absence-until" />
          </label>
          <label>
            {t('absence.note')}
            <input maxLength={500} value={note} onChange={(event) => setNote(event.target.value)} />
          </label>
          <Refusals action={create} />
          <div className="line">
            <button type="submit" disabled={create.busy} data-testid="absence-create">
              {t('absence.create')}
            </button>
          </div>
        </form>
      </details>
    </>
  );
}
