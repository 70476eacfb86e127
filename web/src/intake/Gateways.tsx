import { useState, type SubmitEvent } from 'react';
import { useQuery } from 'urql';
import { Link } from 'wouter';
import { useAction } from '../api/action';
import { GatewaysDocument, ReleaseGatewayDocument, RotateCredentialDocument, SaveCredentialDocument, type CredentialKind, type GatewaysQuery } from '../gql';
import { named, useLanguage } from '../i18n';
import { moment } from '../lib/clock';
import { ErrorNote, Refusals } from '../shell/ErrorNote';

/** The parts of each kind, as the server wants them; the optional ones last. */
const PARTS: Record<CredentialKind, readonly string[]> = {
  WECOM_CALLBACK: ['token', 'encodingAesKey', 'receiveId'],
  DINGTALK_CALLBACK: ['appSecret', 'token', 'aesKey', 'appKey'],
  FEISHU_CALLBACK: ['encryptKey', 'verificationToken'],
  API_SIGNATURE: ['secret'],
  OTHER: ['secret'],
};
/** Of these gateways the credential has the gateway's key. */
const GATEWAYS: Partial<Record<CredentialKind, string>> = { WECOM_CALLBACK: 'wecom', DINGTALK_CALLBACK: 'dingtalk', FEISHU_CALLBACK: 'feishu', API_SIGNATURE: 'api' };

type Credential = GatewaysQuery['credentials'][number];
type Values = Record<string, string>;
const partsOf = (kind: CredentialKind, values: Values) =>
  PARTS[kind].filter((name) => (values[name] ?? '') !== '').map((name) => ({ name, value: values[name] ?? '' }));

/** Ways in, the secrets by which their callers are known, and what failed its check. */
export function Gateways() {
  const [lang, t] = useLanguage();
  const [{ data, error }, load] = useQuery({ query: GatewaysDocument });
  const again = () => load({ requestPolicy: 'network-only' });
  const release = useAction(ReleaseGatewayDocument);
  const [said, setSaid] = useState('');
  if (error) return <ErrorNote error={error} again={again} />;
  if (!data) return null;
  const held = data.quarantinedSubmissions.nodes;
  const waiting = [...new Set(held.filter(({ releasedAt }) => releasedAt === null).map(({ gateway }) => gateway))];
  const free = async (gateway: string) => {
    const done = await release.run({ gateway });
    if (!done) return;
    setSaid(t('intake.done', { released: done.released ?? 0, kept: done.kept ?? 0 }));
    again();
  };
  return (
    <section className="panel systems-settings" data-testid="gateways">
      <h2>{t('intake.title')}</h2>
      <p className="quiet">{t('intake.means')}</p>
      {data.credentials.map((credential) => (
        <One key={credential.id} credential={credential} again={again} />
      ))}
      <Add again={again} />
      <h3>{t('intake.quarantine')}</h3>
      {held.length === 0 && <p className="quiet">{t('intake.none')}</p>}
      {waiting.map((gateway) => (
        <button key={gateway} type="button" disabled={release.busy} onClick={() => void free(gateway)} data-testid={`release-${gateway}`}>
          {t('intake.release', { gateway })}
        </button>
      ))}
      {said !== '' && <p role="status">{said}</p>}
      <Refusals action={release} />
      <table>
        <tbody>
          {held.map(({ id, gateway, source, reason, receivedAt, releasedAt, ticket }) => (
            <tr key={id}>
              <td>{moment(receivedAt, lang)}</td>
              <td>{gateway}</td>
              <td className="no">{named(t, 'reason', reason)}</td>
              <td className="quiet">{source}</td>
              <td>{ticket ? <Link href={`/tickets/${ticket.number}`}>#{ticket.number}</Link> : releasedAt ? t('intake.released') : t('intake.held')}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Fields({ kind, values, change }: { kind: CredentialKind; values: Values; change: (values: Values) => void }) {
  return PARTS[kind].map((name) => (
    <label key={name}>
      {name}
      <input type="password" autoComplete="off" maxLength={2_000} value={values[name] ?? ''} onChange={(e) => change({ ...values, [name]: e.target.value })} />
    </label>
  ));
}

function One({ credential, again }: { credential: Credential; again: () => void }) {
  const [lang, t] = useLanguage();
  const rotate = useAction(RotateCredentialDocument);
  const [values, setValues] = useState<Values>({});
  const [overlap, setOverlap] = useState(24);
  const [ends, setEnds] = useState('');
  const save = async (event: SubmitEvent) => {
    event.preventDefault();
    const expiresAt = ends === '' ? null : new Date(ends).toISOString();
    if (!(await rotate.run({ key: credential.key, parts: partsOf(credential.kind, values), overlapHours: overlap, expiresAt }))) return;
    setValues({});
    again();
  };
  return (
    <details>
      <summary>
        <strong>{credential.name}</strong> <code>{credential.key}</code> <span className="quiet">{credential.owner.name}</span>{' '}
        {credential.expiresAt && <span className="quiet">{t('systems.expires', { at: moment(credential.expiresAt, lang) })}</span>}
      </summary>
      <form onSubmit={(event) => void save(event)}>
        <Fields kind={credential.kind} values={values} change={setValues} />
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
    </details>
  );
}

function Add({ again }: { again: () => void }) {
  const [, t] = useLanguage();
  const save = useAction(SaveCredentialDocument);
  const [kind, setKind] = useState<CredentialKind>('WECOM_CALLBACK');
  const [key, setKey] = useState('');
  const [values, setValues] = useState<Values>({});
  const [ends, setEnds] = useState('');
  const add = async (event: SubmitEvent) => {
    event.preventDefault();
    const expiresAt = ends === '' ? null : new Date(ends).toISOString();
    if (!(await save.run({ key: GATEWAYS[kind] ?? key, kind, expiresAt, parts: partsOf(kind, values) }))) return;
    setValues({});
    setKey('');
    again();
  };
  return (
    <details data-testid="add-credential">
      <summary>{t('intake.add')}</summary>
      <form onSubmit={(event) => void add(event)}>
        <select aria-label={t('intake.kind')} value={kind} onChange={(e) => setKind(e.target.value as CredentialKind)}>
          {(Object.keys(PARTS) as CredentialKind[]).map((one) => (
            <option key={one} value={one}>
              {named(t, 'kind', one)}
            </option>
          ))}
        </select>
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
