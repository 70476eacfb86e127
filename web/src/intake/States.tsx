import { useRef } from 'react';
import { named, useLanguage } from '../i18n';
import { moment, span, useNow } from '../lib/clock';
import { Copy } from '../shell/Copy';
import { TAKES_CANARIES, since, stateOf, type Canary, type Health } from './state';

/** Every gateway at a glance. */
export function States({ gateways }: { gateways: readonly Health[] }) {
  const [, t] = useLanguage();
  const now = useNow();
  return (
    <ul className="gateways" aria-label={t('gateway.title')}>
      {gateways.map((gateway) => (
        <One key={gateway.key} gateway={gateway} now={now} />
      ))}
    </ul>
  );
}

function One({ gateway, now }: { gateway: Health; now: number }) {
  const [lang, t] = useLanguage();
  const { key, held, receivedLastDay, lastReceivedAt, usualSilenceSeconds, canary } = gateway;
  const state = stateOf(gateway);
  const ago = (at: string) => t('gateway.ago', { span: span(now - Date.parse(at), lang) });
  return (
    <li data-testid="gateway" data-gateway={key} data-state={state}>
      <p className="line">
        <strong>{named(t, 'gateway', key)}</strong>
        <span className={`state ${state}`}>{t(`gateway.state.${state}`)}</span>
      </p>
      <dl>
        <dt>{t('gateway.last')}</dt>
        <dd>
          {lastReceivedAt ? <time dateTime={lastReceivedAt} title={moment(lastReceivedAt, lang)}>{ago(lastReceivedAt)}</time> : t('gateway.never')}
          {usualSilenceSeconds !== null && <span className="quiet"> · {t('gateway.usual', { span: span(usualSilenceSeconds * 1_000, lang) })}</span>}
        </dd>
        <dt>{t('gateway.day')}</dt>
        <dd>{receivedLastDay}</dd>
        <dt>{t('gateway.held')}</dt>
        <dd className={held > 0 ? 'no' : ''}>{held}</dd>
        <dt>{t('gateway.canary')}</dt>
        <dd>
          {canary ?
            <Tried canary={canary} now={now} />
          : <span className="quiet">{t(TAKES_CANARIES.includes(key) ? 'gateway.canary.none' : 'gateway.canary.never')}</span>}
        </dd>
        <Address of={key} />
      </dl>
    </li>
  );
}

function Tried({ canary, now }: { canary: Canary; now: number }) {
  const [lang, t] = useLanguage();
  const at = since(canary);
  return (
    <span className={canary.state === 'LOST' ? 'no' : ''} title={moment(at, lang)}>
      {t(`gateway.canary.${canary.state}`, { span: span(now - Date.parse(at), lang) })}
      {canary.failure && `: ${canary.failure}`}
    </span>
  );
}

/** Where the provider calls, or people write. */
function Address({ of }: { of: string }) {
  const [, t] = useLanguage();
  const address = useRef<HTMLElement>(null);
  const path = of === 'web' ? '/request' : `/intake/${of}`;
  if (of === 'email') {
    return (
      <>
        <dt>{t('gateway.address')}</dt>
        <dd className="quiet">{t('gateway.address.email')}</dd>
      </>
    );
  }
  const url = `${location.origin}${path}`;
  return (
    <>
      <dt>{t(of === 'web' ? 'gateway.address.web' : 'gateway.address')}</dt>
      <dd className="line">
        <code ref={address}>{of === 'web' ? <a href={path}>{url}</a> : url}</code>
        <Copy of={address} label={url} />
      </dd>
    </>
  );
}
