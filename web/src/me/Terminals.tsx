import { useState, type SubmitEvent } from 'react';
import { useAction } from '../api/action';
import { BindTerminalDocument, UnbindTerminalDocument, type Channel, type WayFragment } from '../gql';
import { useLanguage } from '../i18n';
import { Refusals } from '../shell/ErrorNote';
import { subscribe, takesPushes } from './push';

/** What a person can type in. A push to a browser is bound by that browser. */
const BOUND_HERE = ['WEB', 'WECOM', 'DINGTALK', 'FEISHU', 'EMAIL', 'SMS'] as const satisfies Channel[];
type Here = (typeof BOUND_HERE)[number];
const KINDS: Record<Here, string> = { WEB: 'text', WECOM: 'text', DINGTALK: 'text', FEISHU: 'text', EMAIL: 'email', SMS: 'tel' };

/** The ways to somebody. */
export function Terminals({ terminals, pushKey, onChange }: { terminals: readonly WayFragment[]; pushKey: string | null; onChange: () => void }) {
  const [, t] = useLanguage();
  const bind = useAction(BindTerminalDocument);
  const unbind = useAction(UnbindTerminalDocument);
  const [channel, setChannel] = useState<Here>('WECOM');
  const [address, setAddress] = useState('');
  const [primary, setPrimary] = useState(false);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (!(await bind.run({ channel, address: channel === 'WEB' ? '' : address, primary }))) return;
    setAddress('');
    setPrimary(false);
    onChange();
  };
  const [denied, setDenied] = useState(false);
  const push = async (key: string) => {
    const address = await subscribe(key).catch(() => null);
    setDenied(address === null);
    if (address !== null && (await bind.run({ channel: 'WEB_PUSH', address, primary: false }))) onChange();
  };
  return (
    <section data-testid="terminals">
      <h2>{t('terminal.title')}</h2>
      <p className="quiet">{t('terminal.means')}</p>
      {terminals.length === 0 && <p className="note">{t('terminal.none')}</p>}
      <ul className="rows">
        {terminals.map((way) => (
          <li key={way.channel} className="line">
            <strong>{t(`channel.${way.channel}`)}</strong>
            <span className="quiet address">{way.channel === 'WEB_PUSH' ? '' : way.address}</span>
            {way.primary && <span className="badge DELIVERED">{t('terminal.primary')}</span>}
            <button type="button" disabled={unbind.busy} onClick={() => void unbind.run({ channel: way.channel }).then((done) => done && onChange())}>
              {t('terminal.unbind')}
            </button>
          </li>
        ))}
      </ul>
      <Refusals action={unbind} />
      <form className="panel" onSubmit={(event) => void submit(event)}>
        <div className="fields">
          <label>
            {t('terminal.channel')}
            <select value={channel} onChange={(event) => setChannel(event.target.value as Here)} data-testid="terminal-channel">
              {BOUND_HERE.map((key) => (
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
                type={KINDS[channel]}
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
        <Refusals action={bind} />
        {denied && <p className="note">{t('terminal.push.denied')}</p>}
        <div className="line">
          <button type="submit" disabled={bind.busy} data-testid="terminal-bind">
            {t('terminal.bind')}
          </button>
          {pushKey !== null && takesPushes && (
            <button type="button" disabled={bind.busy} onClick={() => void push(pushKey)} data-testid="terminal-push">
              {t('terminal.push')}
            </button>
          )}
        </div>
      </form>
    </section>
  );
}
