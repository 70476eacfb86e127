import { useState, type SubmitEvent } from 'react';
import { useQuery } from 'urql';
import { randomHexKey, useAction } from '../api/action';
import { AgentProfilesDocument, RotateCredentialDocument, SaveCredentialDocument, type GatewaysQuery } from '../gql';
import { enumLabel, useLanguage } from '../i18n';
import { formatDateTime } from '../lib/time';
import { FormErrors } from '../shell/ErrorNote';
import { GATEWAY_KEYS, PLAIN_TEXT_PARTS, CREDENTIAL_PARTS, type EditableCredentialKind } from './gatewayState';

type Credential = GatewaysQuery['credentials'][number];
type Values = Record<string, string>;
interface Person {
  id: string;
  name: string;
}

const filledParts = (kind: EditableCredentialKind, values: Values) =>
  CREDENTIAL_PARTS[kind].filter((name) => (values[name] ?? '') !== '').map((name) => ({ name, value: values[name] ?? '' }));

/** A date field holds a day; the credential expires at its start. */
const toInstant = (day: string): string | null => (day === '' ? null : new Date(day).toISOString());
const toDateField = (instant: string | null): string => instant?.slice(0, 10) ?? '';

/** The secrets that authenticate callers, and the accounts that send messages. */
export function Credentials({ credentials, reload }: { credentials: readonly Credential[]; reload: () => void }) {
  const [, t] = useLanguage();
  const [{ data }] = useQuery({ query: AgentProfilesDocument });
  const people = data?.agentProfiles.map(({ user }) => user) ?? [];
  return (
    <>
      <h3>{t('intake.credentials')}</h3>
      {credentials.length === 0 && <p className="quiet">{t('intake.credentials.none')}</p>}
      {credentials.map((credential) => (
        <CredentialItem key={credential.id} credential={credential} people={people} reload={reload} />
      ))}
      <AddCredential reload={reload} />
    </>
  );
}

function CredentialItem({ credential, people, reload }: { credential: Credential; people: readonly Person[]; reload: () => void }) {
  const [lang, t] = useLanguage();
  const { key, kind, name, owner, expiresAt, failingSince, failure, probedAt } = credential;
  return (
    <details data-testid="credential" data-key={key}>
      <summary>
        <strong>{name}</strong> {name !== key && <code>{key}</code>} <span className="quiet">{enumLabel(t, 'kind', kind)}</span> <span className="quiet">· {owner.name}</span>
        {expiresAt && <span className="quiet"> · {t('systems.expires', { at: formatDateTime(expiresAt, lang) })}</span>}
        {probedAt && <span className="quiet"> · {t('intake.probed', { at: formatDateTime(probedAt, lang) })}</span>}
        {failingSince && (
          <span className="bad">
            {' · '}
            {t('intake.failing', { since: formatDateTime(failingSince, lang) })}
            {failure && `: ${failure}`}
          </span>
        )}
      </summary>
      {kind === 'CHANNEL_ACCOUNT' ? <p className="quiet">{t('intake.account')}</p> : <RotateCredential credentialKey={key} kind={kind} reload={reload} />}
      <EditCredential credential={credential} people={people} reload={reload} />
    </details>
  );
}

function SecretFields({ kind, values, onChange }: { kind: EditableCredentialKind; values: Values; onChange: (values: Values) => void }) {
  const [, t] = useLanguage();
  return (
    <>
      {CREDENTIAL_PARTS[kind].map((name) => (
        <label key={name}>
          {name}
          <input
            type={PLAIN_TEXT_PARTS.includes(name) ? 'text' : 'password'}
            autoComplete="off"
            maxLength={2_000}
            value={values[name] ?? ''}
            onChange={(e) => onChange({ ...values, [name]: e.target.value })}
          />
        </label>
      ))}
      {/* The secret stays inside Buoy, so it can be generated. */}
      {kind === 'WEB_FORM' && (
        <button type="button" onClick={() => onChange({ secret: randomHexKey() })}>
          {t('intake.generateSecret')}
        </button>
      )}
    </>
  );
}

function RotateCredential({ credentialKey, kind, reload }: { credentialKey: string; kind: EditableCredentialKind; reload: () => void }) {
  const [, t] = useLanguage();
  const rotate = useAction(RotateCredentialDocument);
  const [values, setValues] = useState<Values>({});
  const [overlap, setOverlap] = useState(24);
  const [expiresOn, setExpiresOn] = useState('');
  const save = async (event: SubmitEvent) => {
    event.preventDefault();
    if (!(await rotate.run({ key: credentialKey, parts: filledParts(kind, values), overlapHours: overlap, expiresAt: expiresOn === '' ? undefined : toInstant(expiresOn) }))) return;
    setValues({});
    reload();
  };
  return (
    <form onSubmit={(event) => void save(event)} data-testid="rotate">
      <SecretFields kind={kind} values={values} onChange={setValues} />
      <label>
        {t('intake.overlap')}
        <input type="number" min={0} max={720} value={overlap} onChange={(e) => setOverlap(Number(e.target.value))} />
      </label>
      <label>
        {t('intake.expiry')}
        <input type="date" value={expiresOn} onChange={(e) => setExpiresOn(e.target.value)} />
      </label>
      <button type="submit" disabled={rotate.busy}>
        {t('intake.rotate')}
      </button>
      <FormErrors action={rotate} />
    </form>
  );
}

/** Edits the owner and the expiry date; the secret stays as it is. */
function EditCredential({ credential: { key, kind, owner, expiresAt }, people, reload }: { credential: Credential; people: readonly Person[]; reload: () => void }) {
  const [, t] = useLanguage();
  const save = useAction(SaveCredentialDocument);
  /** `null` means unchanged. */
  const [ownerId, setOwnerId] = useState<string | null>(null);
  const [expiresOn, setExpiresOn] = useState<string | null>(null);
  const [saved, setSaved] = useState(false);
  const owners = people.some(({ id }) => id === owner.id) ? people : [owner, ...people];
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    setSaved(false);
    if (!(await save.run({ key, kind, ownerId, expiresAt: expiresOn === null ? undefined : toInstant(expiresOn) }))) return;
    setOwnerId(null);
    setExpiresOn(null);
    setSaved(true);
    reload();
  };
  return (
    <form onSubmit={(event) => void submit(event)} data-testid="edit-credential">
      <label>
        {t('intake.owner')}
        <select value={ownerId ?? owner.id} onChange={(e) => setOwnerId(e.target.value)}>
          {owners.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label>
        {t('intake.expiryOptional')}
        <input type="date" value={expiresOn ?? toDateField(expiresAt)} onChange={(e) => setExpiresOn(e.target.value)} />
      </label>
      <button type="submit" disabled={save.busy || (ownerId === null && expiresOn === null)}>
        {t('save')}
      </button>
      {saved && <p role="status">{t('saved')}</p>}
      <FormErrors action={save} />
    </form>
  );
}

function AddCredential({ reload }: { reload: () => void }) {
  const [, t] = useLanguage();
  const save = useAction(SaveCredentialDocument);
  const [kind, setKind] = useState<EditableCredentialKind>('WECOM_CALLBACK');
  const [key, setKey] = useState('');
  const [values, setValues] = useState<Values>({});
  const [expiresOn, setExpiresOn] = useState('');
  const add = async (event: SubmitEvent) => {
    event.preventDefault();
    if (!(await save.run({ key: GATEWAY_KEYS[kind] ?? key, kind, expiresAt: toInstant(expiresOn), parts: filledParts(kind, values) }))) return;
    setValues({});
    setKey('');
    reload();
  };
  return (
    <details data-testid="add-credential">
      <summary>{t('intake.add')}</summary>
      <form onSubmit={(event) => void add(event)}>
        <label>
          {t('intake.kind')}
          <select value={kind} onChange={(e) => setKind(e.target.value as EditableCredentialKind)}>
            {(Object.keys(CREDENTIAL_PARTS) as EditableCredentialKind[]).map((kindOption) => (
              <option key={kindOption} value={kindOption}>
                {enumLabel(t, 'kind', kindOption)}
              </option>
            ))}
          </select>
        </label>
        {GATEWAY_KEYS[kind] === undefined && (
          <label>
            {t('systems.key')}
            <input required maxLength={64} value={key} onChange={(e) => setKey(e.target.value)} />
          </label>
        )}
        <SecretFields kind={kind} values={values} onChange={setValues} />
        <label>
          {t('intake.expiry')}
          <input type="date" value={expiresOn} onChange={(e) => setExpiresOn(e.target.value)} />
        </label>
        <button type="submit" disabled={save.busy}>
          {t('save')}
        </button>
        <FormErrors action={save} />
      </form>
    </details>
  );
}
