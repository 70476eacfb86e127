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
  type SystemRowFragment,
  type TicketStatus,
} from '../gql';
import { useLanguage } from '../i18n';
import { formatDateTime } from '../lib/time';
import { ErrorNote, FormErrors } from '../shell/ErrorNote';

const STATUSES: readonly TicketStatus[] = ['NEW', 'ASSIGNED', 'IN_PROGRESS', 'WAITING', 'RESOLVED', 'CLOSED', 'CANCELLED'];

/** A status map as lines of `word = STATUS`; a trailing `!` means that the status reopens the ticket. */
const formatStatusMap = (statusMap: SystemRowFragment['statusMap']) => statusMap.map(({ word, status, reopens }) => `${word} = ${status}${reopens ? ' !' : ''}`).join('\n');

function parseStatusMap(text: string): { word: string; status: TicketStatus; reopens: boolean }[] | null {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const entries = lines.map((line) => {
    const [, word = '', status = '', reopenMark] = /^(.*?)\s*=\s*([A-Za-z_]+)\s*(!)?\s*$/.exec(line) ?? [];
    return { word: word.trim(), status: status.toUpperCase() as TicketStatus, reopens: reopenMark !== undefined };
  });
  return entries.every(({ word, status }) => word !== '' && STATUSES.includes(status)) ? entries : null;
}

/** Connected systems; administrators register them. */
export function Systems() {
  const [, t] = useLanguage();
  const [{ data, error }, refetch] = useQuery({ query: SystemsDocument });
  const reload = () => refetch({ requestPolicy: 'network-only' });
  const [secrets, setSecrets] = useState<readonly (readonly [string, string])[]>([]);
  if (error) return <ErrorNote error={error} onRetry={reload} />;
  return (
    <section className="panel systems-settings" data-testid="systems-settings">
      <h2>{t('systems.title')}</h2>
      <p className="quiet">{t('systems.help')}</p>
      {secrets.length > 0 && (
        <div className="note" role="status" data-testid="secrets">
          <p>{t('systems.shownOnce')}</p>
          {secrets.map(([name, secret]) => (
            <p key={name}>
              {name} <code>{secret}</code>
            </p>
          ))}
        </div>
      )}
      {data?.systems.map((system) => <SystemItem key={system.id} system={system} reload={reload} onSecrets={setSecrets} />)}
      <RegisterSystem reload={reload} onSecrets={setSecrets} />
    </section>
  );
}

interface SystemActions {
  reload: () => void;
  onSecrets: (secrets: readonly (readonly [string, string])[]) => void;
}

function SystemItem({ system, reload, onSecrets }: { system: SystemRowFragment } & SystemActions) {
  const [lang, t] = useLanguage();
  const update = useAction(UpdateSystemDocument);
  const issue = useAction(IssueApiKeyDocument);
  const revoke = useAction(RevokeApiKeyDocument);
  const rotate = useAction(RotateWebhookSecretDocument);
  const replay = useAction(ReplayDeadLettersDocument);
  const [statusMapText, setStatusMapText] = useState(formatStatusMap(system.statusMap));
  const [url, setUrl] = useState(system.callbackUrl ?? '');
  const entries = parseStatusMap(statusMapText);
  const save = async (event: SubmitEvent) => {
    event.preventDefault();
    if (entries && (await update.run({ key: system.key, statusMap: entries, callbackUrl: url.trim() || null }))) reload();
  };
  const offset = system.clockOffsetMilliseconds;
  return (
    <details data-testid="system" data-system={system.key}>
      <summary>
        <strong>{system.name}</strong> <code>{system.key}</code>{' '}
        <span className={system.disabledAt ? 'bad' : system.failingSince ? 'bad' : 'good'}>
          {system.disabledAt ? t('systems.disabled') : system.failingSince ? t('systems.failing', { since: formatDateTime(system.failingSince, lang) }) : t('systems.reachable')}
        </span>
        {system.deadLetterCount > 0 && <span className="bad"> · {t('systems.deadLetters', { count: system.deadLetterCount })}</span>}
        {system.unknownWords.length > 0 && <span className="bad"> · {t('systems.unknownWords', { words: system.unknownWords.map(({ word }) => word).join(lang === 'en' ? ', ' : '、') })}</span>}
        {offset !== null && Math.abs(offset) > 2_000 && <span className="quiet"> · {t('systems.clockOffset', { seconds: Math.round(offset / 1000) })}</span>}
      </summary>
      <form onSubmit={(event) => void save(event)}>
        <label>
          {t('systems.statusMap')}
          <textarea rows={6} value={statusMapText} onChange={(e) => setStatusMapText(e.target.value)} aria-invalid={!entries} />
        </label>
        <label>
          {t('systems.callbackUrl')}
          <input type="url" maxLength={2_000} value={url} onChange={(e) => setUrl(e.target.value)} />
        </label>
        <button type="submit" disabled={!entries || update.busy}>
          {t('save')}
        </button>
        {(system.disabledAt || system.failingSince) && (
          <button type="button" onClick={() => void update.run({ key: system.key, enable: true }).then((done) => done && reload())}>
            {t('systems.enable')}
          </button>
        )}
        {system.deadLetterCount > 0 && (
          <button type="button" onClick={() => void replay.run({ systemKey: system.key }).then((done) => done && reload())}>
            {t('systems.replay')}
          </button>
        )}
        <button
          type="button"
          onClick={() =>
            void rotate.run({ systemKey: system.key }).then((done) => {
              if (done?.webhookSecret) onSecrets([[`${system.key} ${t('systems.secret')}`, done.webhookSecret]]);
              if (done) reload();
            })
          }
        >
          {t('systems.rotate')}
        </button>
      </form>
      {system.disabledReason && <p className="bad">{system.disabledReason}</p>}
      <table>
        <tbody>
          {system.apiKeys.map(({ id, prefix, scopes, expiresAt, revokedAt, lastUsedAt }) => (
            <tr key={id} className={revokedAt ? 'quiet' : ''}>
              <td>
                <code>{prefix}…</code>
              </td>
              <td>{scopes.join(' ')}</td>
              <td>{lastUsedAt ? t('systems.used', { at: formatDateTime(lastUsedAt, lang) }) : t('systems.unused')}</td>
              <td>{expiresAt && t('systems.expires', { at: formatDateTime(expiresAt, lang) })}</td>
              <td>
                {revokedAt ? (
                  t('systems.revoked')
                ) : (
                  <button type="button" onClick={() => void revoke.run({ apiKeyId: id }).then((done) => done && reload())}>
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
            if (done?.apiKey) onSecrets([[`${system.key} API key`, done.apiKey]]);
            if (done) reload();
          })
        }
      >
        {t('systems.issue')}
      </button>
      <FormErrors action={update} />
      <FormErrors action={issue} />
      <FormErrors action={revoke} />
      <FormErrors action={rotate} />
      <FormErrors action={replay} />
    </details>
  );
}

function RegisterSystem({ reload, onSecrets }: SystemActions) {
  const [, t] = useLanguage();
  const register = useAction(RegisterSystemDocument);
  const [key, setKey] = useState('');
  const [name, setName] = useState('');
  const [url, setUrl] = useState('');
  const [statusMapText, setStatusMapText] = useState('');
  const entries = parseStatusMap(statusMapText);
  const registerSystem = async (event: SubmitEvent) => {
    event.preventDefault();
    if (!entries) return;
    const registered = await register.run({ key, name: name || null, callbackUrl: url.trim() || null, statusMap: entries });
    if (!registered) return;
    onSecrets([
      [`${key} API key`, registered.apiKey ?? ''],
      [`${key} ${t('systems.secret')}`, registered.webhookSecret ?? ''],
    ]);
    for (const clearField of [setKey, setName, setUrl, setStatusMapText]) clearField('');
    reload();
  };
  return (
    <details data-testid="register-system">
      <summary>{t('systems.register')}</summary>
      <form onSubmit={(event) => void registerSystem(event)}>
        <label>
          {t('systems.key')}
          <input required maxLength={64} value={key} onChange={(e) => setKey(e.target.value)} placeholder="ERP" />
        </label>
        <label>
          {t('systems.name')}
          <input maxLength={120} value={name} onChange={(e) => setName(e.target.value)} />
        </label>
        <label>
          {t('systems.callbackUrl')}
          <input type="url" maxLength={2_000} value={url} onChange={(e) => setUrl(e.target.value)} placeholder="https://" />
        </label>
        <label>
          {t('systems.statusMap')}
          <textarea rows={6} value={statusMapText} onChange={(e) => setStatusMapText(e.target.value)} aria-invalid={!entries} placeholder={'已下发 = ASSIGNED\n处理中 = IN_PROGRESS\n重新处理 = IN_PROGRESS !'} />
        </label>
        <button type="submit" disabled={!entries || register.busy}>
          {t('systems.register')}
        </button>
        <FormErrors action={register} />
      </form>
    </details>
  );
}
