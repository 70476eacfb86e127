import { useState, type SubmitEvent } from 'react';
import { useAction } from '../api/action';
import { BindTerminalDocument, ConfirmTerminalDocument, UnbindTerminalDocument, type Channel, type TerminalRowFragment } from '../gql';
import { useLanguage } from '../i18n';
import { FormErrors } from '../shell/ErrorNote';
import { subscribeToPush, supportsPush } from './push';

/** Channels whose address the user types. A web push terminal is bound by its browser. */
const TYPED_CHANNELS = ['WEB', 'WECOM', 'DINGTALK', 'FEISHU', 'EMAIL', 'SMS'] as const satisfies Channel[];
type TypedChannel = (typeof TYPED_CHANNELS)[number];
const INPUT_TYPES: Record<TypedChannel, string> = { WEB: 'text', WECOM: 'text', DINGTALK: 'text', FEISHU: 'text', EMAIL: 'email', SMS: 'tel' };

/** The contact channels of the user. */
export function Terminals({ terminals, pushKey, onChange }: { terminals: readonly TerminalRowFragment[]; pushKey: string | null; onChange: () => void }) {
  const [, t] = useLanguage();
  const bind = useAction(BindTerminalDocument);
  const unbind = useAction(UnbindTerminalDocument);
  const [channel, setChannel] = useState<TypedChannel>('WECOM');
  const [address, setAddress] = useState('');
  const [primary, setPrimary] = useState(false);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (!(await bind.run({ channel, address: channel === 'WEB' ? '' : address, primary }))) return;
    setAddress('');
    setPrimary(false);
    onChange();
  };
  const send = async ({ channel, address, pendingAddress, primary }: TerminalRowFragment) => {
    if (await bind.run({ channel, address: pendingAddress ?? address, primary })) onChange();
  };
  const [pushDenied, setPushDenied] = useState(false);
  const bindPush = async (key: string) => {
    const address = await subscribeToPush(key).catch(() => null);
    setPushDenied(address === null);
    if (address !== null && (await bind.run({ channel: 'WEB_PUSH', address, primary: false }))) onChange();
  };
  return (
    <section data-testid="terminals">
      <h2>{t('terminal.title')}</h2>
      <p className="quiet">{t('terminal.help')}</p>
      {terminals.length === 0 && <p className="note">{t('terminal.none')}</p>}
      <ul className="rows">
        {terminals.map((terminal) => (
          <li key={terminal.channel} className="line">
            <strong>{t(`channel.${terminal.channel}`)}</strong>
            <span className="quiet address">{terminal.channel === 'WEB_PUSH' ? '' : terminal.address}</span>
            {terminal.primary && terminal.provedAt !== null && <span className="badge DELIVERED">{t('terminal.primary')}</span>}
            {terminal.provedAt === null && <span className="badge QUEUED">{t('terminal.unproved')}</span>}
            <button type="button" disabled={unbind.busy} onClick={() => void unbind.run({ channel: terminal.channel }).then((done) => done && onChange())}>
              {t('terminal.unbind')}
            </button>
            {terminal.pendingAddress !== null && <p className="quiet">{t('terminal.pending', { address: terminal.pendingAddress })}</p>}
            {(terminal.provedAt === null || terminal.pendingAddress !== null) && (
              <TerminalCode terminal={terminal} busy={bind.busy} again={() => void send(terminal)} onProved={onChange} />
            )}
          </li>
        ))}
      </ul>
      <FormErrors action={unbind} />
      <form className="panel" onSubmit={(event) => void submit(event)}>
        <div className="fields">
          <label>
            {t('terminal.channel')}
            <select value={channel} onChange={(event) => setChannel(event.target.value as TypedChannel)} data-testid="terminal-channel">
              {TYPED_CHANNELS.map((key) => (
                <option key={key} value={key}>
                  {t(`channel.${key}`)}
                </option>
              ))}
            </select>
          </label>
          {channel !== 'WEB' && (
            <label>
              {t(`terminal.address.${channel}`)}
              <input
                required
                type={INPUT_TYPES[channel]}
                maxLength={254}
                value={address}
                onChange={(event) => setAddress(event.target.value)}
                data-testid="terminal-address"
              />
            </label>
          )}
        </div>
        <label className="check">
          <input type="checkbox" checked={primary} onChange={(event) => setPrimary(event.target.checked)} />
          {t('terminal.makePrimary')}
        </label>
        <FormErrors action={bind} />
        {pushDenied && <p className="note">{t('terminal.push.denied')}</p>}
        <div className="line">
          <button type="submit" disabled={bind.busy} data-testid="terminal-bind">
            {t('terminal.bind')}
          </button>
          {pushKey !== null && supportsPush && (
            <button type="button" disabled={bind.busy} onClick={() => void bindPush(pushKey)} data-testid="terminal-push">
              {t('terminal.push')}
            </button>
          )}
        </div>
      </form>
    </section>
  );
}

/** Proves an address by the code that was sent to it. */
function TerminalCode({ terminal, busy, again, onProved }: { terminal: TerminalRowFragment; busy: boolean; again: () => void; onProved: () => void }) {
  const [, t] = useLanguage();
  const confirm = useAction(ConfirmTerminalDocument);
  const [code, setCode] = useState('');
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (await confirm.run({ channel: terminal.channel, code })) onProved();
  };
  const { codeExpiresAt, codeFailure } = terminal;
  return (
    <form className="fields" onSubmit={(event) => void submit(event)} data-testid="terminal-code">
      {codeFailure !== null && <p className="note">{t('terminal.code.failed', { why: codeFailure })}</p>}
      {codeExpiresAt === null ? (
        <p className="quiet">{t('terminal.code.expired')}</p>
      ) : (
        <label>
          {t('terminal.code')}
          <input
            required
            inputMode="numeric"
            autoComplete="one-time-code"
            pattern="[0-9]{6}"
            maxLength={6}
            size={8}
            value={code}
            onChange={(event) => setCode(event.target.value)}
          />
          {codeFailure === null && <small className="quiet">{t('terminal.code.help')}</small>}
        </label>
      )}
      <div className="line">
        {codeExpiresAt !== null && (
          <button type="submit" disabled={confirm.busy}>
            {t('terminal.code.confirm')}
          </button>
        )}
        <button type="button" disabled={busy} onClick={again}>
          {t('terminal.code.again')}
        </button>
      </div>
      <FormErrors action={confirm} />
    </form>
  );
}
