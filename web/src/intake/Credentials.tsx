import { useState, type SubmitEvent } from 'react';
import { useQuery } from 'urql';
import { newKey, useAction } from '../api/action';
import { ColleaguesDocument, RotateCredentialDocument, SaveCredentialDocument, type GatewaysQuery } from '../gql';
import { named, useLanguage } from '../i18n';
import { moment } from '../lib/clock';
import { Refusals } from '../shell/ErrorNote';
import { GATEWAYS, IN_CLEAR, PARTS, type MadeKind } from './state';

type Credential = GatewaysQuery['credentials'][number];
type Values = Record<string, string>;
interface Person {
  id: string;
  name: string;
}

const partsOf = (kind: MadeKind, values: Values) =>
  PARTS[kind].filter((name) => (values[name] ?? '') !== '').map((name) => ({ name, value: values[name] ?? '' }));

/** A date field says a day; it ends with its beginning. */
const instantOf = (day: string): string | null => (day === '' ? null : new Date(day).toISOString());
const dayOf = (instant: string | null): string => instant?.slice(0, 10) ?? '';

/** The secrets by which callers are known, and the accounts by which messages leave. */
export function Credentials({ credentials, again }: { credentials: readonly Credential[]; again: () => void }) {
  const [, t] = useLanguage();
  const [{ data }] = useQuery({ query: ColleaguesDocument });
  const people = data?.agentProfiles.map(({ user }) => user) ?? [];
  return (
    <>
      <h3>{t('intake.credentials')}</h3>
      {credentials.length === 0 && <p className="quiet">{t('intake.credentials.none')}</p>}
      {credentials.map((credential) => (
        <One key={credential.id} credential={credential} people={people} again={again} />
      ))}
      <Add again={again} />
    </>
  );
}

function One({ credential, people, again }: { credential: Credential; people: readonly Person[]; again: () => void }) {
  const [lang, t] = useLanguage();
  const { key, kind, name, owner, expiresAt, failingSince, failure, probedAt } = credential;
  return (
    <details data-testid="credential" data-key={key}>
      <summary>
        <strong>{name}</strong> {name !== key && <code>{key}</code>} <span className="quiet">{named(t, 'kind', kind)}</span> <span className="quiet">· {owner.name}</span>
        {expiresAt && <span className="quiet"> · {t('systems.expires', { at: moment(expiresAt, lang) })}</span>}
        {probedAt && <span className="quiet"> · {t('intake.probed', { at: moment(probedAt, lang) })}</span>}
        {failingSince && (
          <span className="no">
            {' · '}
            {t('intake.failing', { since: moment(failingSince, lang) })}
            {failure && `: ${failure}`}
          </span>
        )}
      </summary>
      {kind === 'CHANNEL_ACCOUNT' ? <p className="quiet">{t('intake.account')}</p> : <Rotate of={key} kind={kind} again={again} />}
      <Edit credential={credential} people={people} again={again} />
    </details>
  );
}

function Fields({ kind, values, change }: { kind: MadeKind; values: Values; change: (values: Values) => void }) {
  const [, t] = useLanguage();
  return (
    <>
      {PARTS[kind].map((name) => (
        <label key={name}>
          {name}
          <input
            type={IN_CLEAR.includes(name) ? 'text' : 'password'}
            autoComplete="off"
            maxLength={2_000}
            value={values[name] ?? ''}
            onChange={(e) => change({ ...values, [name]: e.target.value })}
          />
        </label>
      ))}
      {/* Nobody else has to know it. */}
      {kind === 'WEB_FORM' && (
        <button type="button" onClick={() => change({ secret: newKey() })}>
          {t('intake.random')}
        </button>
      )}
    </>
  );
}

function Rotate({ of, kind, again }: { of: string; kind: MadeKind; again: () => void }) {
  const [, t] = useLanguage();
  const rotate = useAction(RotateCredentialDocument);
  const [values, setValues] = useState<Values>({});
  const [overlap, setOverlap] = useState(24);
  const [ends, setEnds] = useState('');
  const save = async (event: SubmitEvent) => {
    event.preventDefault();
    if (!(await rotate.run({ key: of, parts: partsOf(kind, values), overlapHours: overlap, expiresAt: ends === '' ? undefined : instantOf(ends) }))) return;
    setValues({});
    again();
  };
  return (
    <form onSubmit={(event) => void save(event)} data-testid="rotate">
      <Fields kind={kind} values={values} change={setValues} />
      <label>
        {t('intake.overlap')}
        <input type="number" min={0} max={720} value={overlap} onChange={(e) => setOverlap(Number(e.target.value))} />
      </label>
      <label>
        {t('intake.ends')}
        <input type="date" value={ends} onChange={(e) => setEnds(e.target.value)} />
      </label>
      <button type="submit" disabled={rotate.busy}>
        {t('intake.rotate')}
      </button>
      <Refusals action={rotate} />
    </form>
  );
}

/** Who is warned, and when; without a word of the secret. */
function Edit({ credential: { key, kind, owner, expiresAt }, people, again }: { credential: Credential; people: readonly Person[]; again: () => void }) {
  const [, t] = useLanguage();
  const save = useAction(SaveCredentialDocument);
  /** `null`: as they are. */
  const [ownerId, setOwnerId] = useState<string | null>(null);
  const [ends, setEnds] = useState<string | null>(null);
  const [saved, setSaved] = useState(false);
  const all = people.some(({ id }) => id === owner.id) ? people : [owner, ...people];
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    setSaved(false);
    if (!(await save.run({ key, kind, ownerId, expiresAt: ends === null ? undefined : instantOf(ends) }))) return;
    setOwnerId(null);
    setEnds(null);
    setSaved(true);
    again();
  };
  return (
    <form onSubmit={(event) => void submit(event)} data-testid="edit-credential">
      <label>
        {t('intake.owner')}
        <select value={ownerId ?? owner.id} onChange={(e) => setOwnerId(e.target.value)}>
          {all.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label>
        {t('intake.end')}
        <input type="date" value={ends ?? dayOf(expiresAt)} onChange={(e) => setEnds(e.target.value)} />
      </label>
      <button type="submit" disabled={save.busy || (ownerId === null && ends === null)}>
        {t('save')}
      </button>
      {saved && <p role="status">{t('saved')}</p>}
      <Refusals action={save} />
    </form>
  );
}

function Add({ again }: { again: () => void }) {
  const [, t] = useLanguage();
  const save = useAction(SaveCredentialDocument);
  const [kind, setKind] = useState<MadeKind>('WECOM_CALLBACK');
  const [key, setKey] = useState('');
  const [values, setValues] = useState<Values>({});
  const [ends, setEnds] = useState('');
  const add = async (event: SubmitEvent) => {
    event.preventDefault();
    if (!(await save.run({ key: GATEWAYS[kind] ?? key, kind, expiresAt: instantOf(ends), parts: partsOf(kind, values) }))) return;
    setValues({});
    setKey('');
    again();
  };
  return (
    <details data-testid="add-credential">
      <summary>{t('intake.add')}</summary>
      <form onSubmit={(event) => void add(event)}>
        <label>
          {t('intake.kind')}
          <select value={kind} onChange={(e) => setKind(e.target.value as MadeKind)}>
            {(Object.keys(PARTS) as MadeKind[]).map((one) => (
              <option key={one} value={one}>
                {named(t, 'kind', one)}
              </option>
            ))}
          </select>
        </label>
        {GATEWAYS[kind] === undefined && (
          <label>
            {t('systems.key')}
            <input required maxLength={64} value={key} onChange={(e) => setKey(e.target.value)} />
          </label>
        )}
        <Fields kind={kind} values={values} change={setValues} />
        <label>
          {t('intake.ends')}
          <input type="date" value={ends} onChange={(e) => setEnds(e.target.value)} />
        </label>
        <button type="submit" disabled={save.busy}>
          {t('save')}
        </button>
        <Refusals action={save} />
      </form>
    </details>
  );
}
