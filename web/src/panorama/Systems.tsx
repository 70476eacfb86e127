import { useState, type SubmitEvent } from 'react';
import { useQuery } from 'urql';
import { useAction } from '../api/action';
import {
  IssueApiKeyDocument,
  RegisterSystemDocument,
  ReplayDeadLettersDocument,
  RevokeApiKeyDocument,
  RotateWebhookSecretDocument,
  SystemsDocument,
  UpdateSystemDocument,
  type PartnerFragment,
  type TicketStatus,
} from '../gql';
import { useLanguage } from '../i18n';
import { moment } from '../lib/clock';
import { ErrorNote, Refusals } from '../shell/ErrorNote';

const STATUSES: readonly TicketStatus[] = ['NEW', 'ASSIGNED', 'IN_PROGRESS', 'WAITING', 'RESOLVED', 'CLOSED', 'CANCELLED'];

/** A map as lines of `word = STATUS`; `!` behind it: says that the ticket is taken up again. */
const written = (map: PartnerFragment['statusMap']) => map.map(({ word, status, reopens }) => `${word} = ${status}${reopens ? ' !' : ''}`).join('\n');

function read(text: string): { word: string; status: TicketStatus; reopens: boolean }[] | null {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const entries = lines.map((line) => {
    const [, word = '', status = '', again] = /^(.*?)\s*=\s*([A-Za-z_]+)\s*(!)?\s*$/.exec(line) ?? [];
    return { word: word.trim(), status: status.toUpperCase() as TicketStatus, reopens: again !== undefined };
  });
  return entries.every(({ word, status }) => word !== '' && STATUSES.includes(status)) ? entries : null;
}

/** Other systems that speak of tickets; administrators join them. */
export function Systems() {
  const [, t] = useLanguage();
  const [{ data, error }, load] = useQuery({ query: SystemsDocument });
  const again = () => load({ requestPolicy: 'network-only' });
  const [secrets, setSecrets] = useState<readonly (readonly [string, string])[]>([]);
  if (error) return <ErrorNote error={error} again={again} />;
  return (
    <section className="panel systems-settings" data-testid="systems-settings">
      <h2>{t('systems.title')}</h2>
      <p className="quiet">{t('systems.means')}</p>
      {secrets.length > 0 && (
        <div className="note" role="status" data-testid="secrets">
          <p>{t('systems.once')}</p>
          {secrets.map(([name, secret]) => (
            <p key={name}>
              {name} <code>{secret}</code>
            </p>
          ))}
        </div>
      )}
      {data?.systems.map((system) => <One key={system.id} system={system} again={again} show={setSecrets} />)}
      <Register again={again} show={setSecrets} />
    </section>
  );
}

interface Shows {
  again: () => void;
  show: (secrets: readonly (readonly [string, string])[]) => void;
}

function One({ system, again, show }: { system: PartnerFragment } & Shows) {
  const [lang, t] = useLanguage();
  const update = useAction(UpdateSystemDocument);
  const issue = useAction(IssueApiKeyDocument);
  const revoke = useAction(RevokeApiKeyDocument);
  const rotate = useAction(RotateWebhookSecretDocument);
  const replay = useAction(ReplayDeadLettersDocument);
  const [map, setMap] = useState(written(system.statusMap));
  const [url, setUrl] = useState(system.callbackUrl ?? '');
  const entries = read(map);
  const save = async (event: SubmitEvent) => {
    event.preventDefault();
    if (entries && (await update.run({ key: system.key, statusMap: entries, callbackUrl: url.trim() || null }))) again();
  };
  const offset = system.clockOffsetMilliseconds;
  return (
    <details data-testid="system" data-system={system.key}>
      <summary>
        <strong>{system.name}</strong> <code>{system.key}</code>{' '}
        <span className={system.disabledAt ? 'no' : system.failingSince ? 'no' : 'ok'}>
          {system.disabledAt ? t('systems.disabled') : system.failingSince ? t('systems.failing', { since: moment(system.failingSince, lang) }) : t('systems.fine')}
        </span>
        {system.deadLetterCount > 0 && <span className="no"> · {t('systems.dead', { count: system.deadLetterCount })}</span>}
        {system.unknownWords.length > 0 && <span className="no"> · {t('systems.unknown', { words: system.unknownWords.map(({ word }) => word).join('、') })}</span>}
        {offset !== null && Math.abs(offset) > 2_000 && <span className="quiet"> · {t('systems.clock', { seconds: Math.round(offset / 1000) })}</span>}
      </summary>
      <form onSubmit={(event) => void save(event)}>
        <label>
          {t('systems.map')}
          <textarea rows={6} value={map} onChange={(e) => setMap(e.target.value)} aria-invalid={!entries} />
        </label>
        <label>
          {t('systems.url')}
          <input type="url" maxLength={2_000} value={url} onChange={(e) => setUrl(e.target.value)} />
        </label>
        <button type="submit" disabled={!entries || update.busy}>
          {t('save')}
        </button>
        {(system.disabledAt || system.failingSince) && (
          <button type="button" onClick={() => void update.run({ key: system.key, enable: true }).then((done) => done && again())}>
            {t('systems.enable')}
          </button>
        )}
        {system.deadLetterCount > 0 && (
          <button type="button" onClick={() => void replay.run({ systemKey: system.key }).then((done) => done && again())}>
            {t('systems.replay')}
          </button>
        )}
        <button
          type="button"
          onClick={() =>
            void rotate.run({ systemKey: system.key }).then((done) => {
              if (done?.webhookSecret) show([[`${system.key} ${t('systems.secret')}`, done.webhookSecret]]);
              if (done) again();
            })
          }
        >
          {t('systems.rotate')}
        </button>
      </form>
      {system.disabledBecause && <p className="no">{system.disabledBecause}</p>}
      <table>
        <tbody>
          {system.apiKeys.map(({ id, hint, scopes, expiresAt, revokedAt, lastUsedAt }) => (
            <tr key={id} className={revokedAt ? 'quiet' : ''}>
              <td>
                <code>{hint}…</code>
              </td>
              <td>{scopes.join(' ')}</td>
              <td>{lastUsedAt ? t('systems.used', { at: moment(lastUsedAt, lang) }) : t('systems.unused')}</td>
              <td>{expiresAt && t('systems.expires', { at: moment(expiresAt, lang) })}</td>
              <td>
                {revokedAt ? (
                  t('systems.revoked')
                ) : (
                  <button type="button" onClick={() => void revoke.run({ apiKeyId: id }).then((done) => done && again())}>
                    {t('systems.revoke')}
                  </button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <button
        type="button"
        onClick={() =>
          void issue.run({ systemKey: system.key }).then((done) => {
            if (done?.apiKey) show([[`${system.key} API key`, done.apiKey]]);
            if (done) again();
          })
        }
      >
        {t('systems.issue')}
      </button>
      <Refusals action={update} />
      <Refusals action={issue} />
      <Refusals action={revoke} />
      <Refusals action={rotate} />
      <Refusals action={replay} />
    </details>
  );
}

function Register({ again, show }: Shows) {
  const [, t] = useLanguage();
  const register = useAction(RegisterSystemDocument);
  const [key, setKey] = useState('');
  const [name, setName] = useState('');
  const [url, setUrl] = useState('');
  const [map, setMap] = useState('');
  const entries = read(map);
  const join = async (event: SubmitEvent) => {
    event.preventDefault();
    if (!entries) return;
    const made = await register.run({ key, name: name || null, callbackUrl: url.trim() || null, statusMap: entries });
    if (!made) return;
    show([
      [`${key} API key`, made.apiKey ?? ''],
      [`${key} ${t('systems.secret')}`, made.webhookSecret ?? ''],
    ]);
    for (const clear of [setKey, setName, setUrl, setMap]) clear('');
    again();
  };
  return (
    <details data-testid="register-system">
      <summary>{t('systems.join')}</summary>
      <form onSubmit={(event) => void join(event)}>
        <label>
          {t('systems.key')}
          <input required maxLength={64} value={key} onChange={(e) => setKey(e.target.value)} placeholder="ERP" />
        </label>
        <label>
          {t('systems.name')}
          <input maxLength={120} value={name} onChange={(e) => setName(e.target.value)} />
        </label>
        <label>
          {t('systems.url')}
          <input type="url" maxLength={2_000} value={url} onChange={(e) => setUrl(e.target.value)} placeholder="https://" />
        </label>
        <label>
          {t('systems.map')}
          <textarea rows={6} value={map} onChange={(e) => setMap(e.target.value)} aria-invalid={!entries} placeholder={'已下发 = ASSIGNED\n处理中 = IN_PROGRESS\n重新处理 = IN_PROGRESS !'} />
        </label>
        <button type="submit" disabled={!entries || register.busy}>
          {t('systems.join')}
        </button>
        <Refusals action={register} />
      </form>
    </details>
  );
}
