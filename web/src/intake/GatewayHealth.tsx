import { useRef } from 'react';
import { enumLabel, useLanguage } from '../i18n';
import { formatDateTime, formatDuration, useNow } from '../lib/time';
import { CopyButton } from '../shell/CopyButton';
import { CANARY_GATEWAYS, canaryStateSince, gatewayState, type Canary, type Gateway } from './gatewayState';

/** An overview of all gateways. */
export function GatewayHealth({ gateways }: { gateways: readonly Gateway[] }) {
  const [, t] = useLanguage();
  const now = useNow();
  return (
    <ul className="gateways" aria-label={t('gateway.title')}>
      {gateways.map((gateway) => (
        <GatewayItem key={gateway.key} gateway={gateway} now={now} />
      ))}
    </ul>
  );
}

function GatewayItem({ gateway, now }: { gateway: Gateway; now: number }) {
  const [lang, t] = useLanguage();
  const { key, quarantinedCount, receivedLastDay, lastReceivedAt, usualSilenceSeconds, canary } = gateway;
  const state = gatewayState(gateway);
  const timeAgo = (at: string) => t('gateway.ago', { span: formatDuration(now - Date.parse(at), lang) });
  return (
    <li data-testid="gateway" data-gateway={key} data-state={state}>
      <p className="line">
        <strong>{enumLabel(t, 'gateway', key)}</strong>
        <span className={`state ${state}`}>{t(`gateway.state.${state}`)}</span>
      </p>
      <dl>
        <dt>{t('gateway.lastReceived')}</dt>
        <dd>
          {lastReceivedAt ? <time dateTime={lastReceivedAt} title={formatDateTime(lastReceivedAt, lang)}>{timeAgo(lastReceivedAt)}</time> : t('gateway.noneReceived')}
          {usualSilenceSeconds !== null && <span className="quiet"> · {t('gateway.usualSilence', { span: formatDuration(usualSilenceSeconds * 1_000, lang) })}</span>}
        </dd>
        <dt>{t('gateway.receivedLastDay')}</dt>
        <dd>{receivedLastDay}</dd>
        <dt>{t('gateway.quarantined')}</dt>
        <dd className={quarantinedCount > 0 ? 'bad' : ''}>{quarantinedCount}</dd>
        <dt>{t('gateway.canary')}</dt>
        <dd>
          {canary ?
            <CanaryStatus canary={canary} now={now} />
          : <span className="quiet">{t(CANARY_GATEWAYS.includes(key) ? 'gateway.canary.none' : 'gateway.canary.unsupported')}</span>}
        </dd>
        <GatewayAddress gateway={key} />
      </dl>
    </li>
  );
}

function CanaryStatus({ canary, now }: { canary: Canary; now: number }) {
  const [lang, t] = useLanguage();
  const stateSince = canaryStateSince(canary);
  return (
    <span className={canary.state === 'LOST' ? 'bad' : ''} title={formatDateTime(stateSince, lang)}>
      {t(`gateway.canary.${canary.state}`, { span: formatDuration(now - Date.parse(stateSince), lang) })}
      {canary.failure && `: ${canary.failure}`}
    </span>
  );
}

/** The address that the provider calls or users open. */
function GatewayAddress({ gateway }: { gateway: string }) {
  const [, t] = useLanguage();
  const address = useRef<HTMLElement>(null);
  const path = gateway === 'web' ? '/request' : `/intake/${gateway}`;
  if (gateway === 'email') {
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
      <dt>{t(gateway === 'web' ? 'gateway.address.web' : 'gateway.address')}</dt>
      <dd className="line">
        <code ref={address}>{gateway === 'web' ? <a href={path}>{url}</a> : url}</code>
        <CopyButton source={address} label={url} />
      </dd>
    </>
  );
}
