import { useState, type SubmitEvent } from 'react';
import { useQuery } from 'urql';
import { useAction } from '../api/action';
import { CreateAbsenceDocument, AvailabilityDocument, EndAbsenceDocument, type AvailabilityQuery } from '../gql';
import { useLanguage } from '../i18n';
import { formatDateTime, useNow } from '../lib/time';
import { describeCapacity, describeWorkload } from '../lib/workload';
import { ErrorNote, FormErrors } from '../shell/ErrorNote';
import { Delegations } from './Delegations';

type Profile = AvailabilityQuery['agentProfiles'][number];

/** The agent profile that dispatch uses: skills, absences and delegations. */
export function Availability({ id }: { id: string }) {
  const [, t] = useLanguage();
  const [{ data, error }, refetch] = useQuery({ query: AvailabilityDocument });
  const reload = () => refetch({ requestPolicy: 'network-only' });
  if (error) return <ErrorNote error={error} onRetry={reload} />;
  const profile = data?.agentProfiles.find(({ user }) => user.id === id);
  // Users who take no tickets have no agent profile.
  if (!data || !profile) return null;
  return (
    <section data-testid="availability">
      <h2>{t('availability.title')}</h2>
      <dl className="facts">
        <div>
          <dt>{t('availability.skills')}</dt>
          <dd>{profile.skillLevels.map(({ skill, level }) => `${skill} ${level}/5`).join(' · ') || t('none')}</dd>
        </div>
        <div>
          <dt>{t('availability.capacity')}</dt>
          <dd title={t('workload.points')}>{describeCapacity(t, profile.capacity)}</dd>
        </div>
        <div>
          <dt>{t('workload.open')}</dt>
          <dd data-testid="open-work">{describeWorkload(t, profile.openWork, profile.capacity)}</dd>
        </div>
        <div>
          <dt>{t('availability.calendar')}</dt>
          <dd>{profile.calendarKey ?? t('availability.calendar.none')}</dd>
        </div>
      </dl>
      <Absences absences={profile.absences} onChange={reload} />
      <Delegations id={id} delegations={data.delegations} people={data.agentProfiles.map(({ user }) => user)} onChange={reload} />
    </section>
  );
}

/** The instant of a local date and time; `null` where the field is empty. */
const toInstant = (local: string) => (local === '' ? null : new Date(local).toISOString());

function Absences({ absences, onChange }: { absences: Profile['absences']; onChange: () => void }) {
  const [lang, t] = useLanguage();
  const create = useAction(CreateAbsenceDocument);
  const end = useAction(EndAbsenceDocument);
  const [from, setFrom] = useState('');
  const [until, setUntil] = useState('');
  const [note, setNote] = useState('');
  // Updated every second, so that an absence that just began or ended shows at once.
  const now = useNow(1_000);
  // An absence that was ended before it began stays in the list of the server, but never takes effect.
  const currentOrPlanned = absences.filter(({ from: absenceFrom, until: absenceUntil }) => absenceUntil === null || Date.parse(absenceUntil) > Math.max(now, Date.parse(absenceFrom)));
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (!(await create.run({ from: toInstant(from), until: toInstant(until), note: note || null }))) return;
    setFrom('');
    setUntil('');
    setNote('');
    onChange();
  };
  return (
    <>
      <h3>{t('absence.title')}</h3>
      <ul className="rows">
        {currentOrPlanned.length === 0 && <li className="quiet">{t('absence.none')}</li>}
        {currentOrPlanned.map((absence) => (
          <li key={absence.id} className="line" data-testid="absence">
            {Date.parse(absence.from) <= now && <span className="badge HIGH">{t('absence.now')}</span>}
            <span>
              {formatDateTime(absence.from, lang)} – {absence.until === null ? t('absence.open') : formatDateTime(absence.until, lang)}
            </span>
            {absence.note && <span className="quiet">{absence.note}</span>}
            <button type="button" disabled={end.busy} onClick={() => void end.run({ absenceId: absence.id }).then((done) => done && onChange())}>
              {t('absence.end')}
            </button>
          </li>
        ))}
      </ul>
      <FormErrors action={end} />
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
          <FormErrors action={create} />
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
