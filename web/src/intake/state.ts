/** How a gateway does, in one word. */
import type { CredentialKind, GatewayHealthQuery } from '../gql';

export type Health = GatewayHealthQuery['gateways'][number];
export type Canary = NonNullable<Health['canary']>;
export type GatewayState = 'CLOSED' | 'LOST' | 'SILENT' | 'UNTRIED' | 'WORKING';

/** The worst first. What nothing has proved yet is not called working. */
export function stateOf({ isOpen, isSilent, lastReceivedAt, canary }: Pick<Health, 'isOpen' | 'isSilent' | 'lastReceivedAt' | 'canary'>): GatewayState {
  if (!isOpen) return 'CLOSED';
  if (canary?.state === 'LOST') return 'LOST';
  if (isSilent) return 'SILENT';
  const came = lastReceivedAt !== null || canary?.state === 'ARRIVED' || canary?.state === 'CANCELLED';
  return came ? 'WORKING' : 'UNTRIED';
}

/** When a canary came to what became of it. */
export const since = ({ state, sentAt, arrivedAt, endedAt }: Canary): string =>
  (state === 'SENT' ? sentAt
  : state === 'ARRIVED' ? arrivedAt
  : endedAt) ?? sentAt;

/** Gateways whose sender Buoy can be itself. */
export const TAKES_CANARIES: readonly string[] = ['api', 'email', 'web'];

/** Kinds that somebody makes: accounts of channels come from the configuration. */
export type MadeKind = Exclude<CredentialKind, 'CHANNEL_ACCOUNT'>;

/** The parts of each kind, as the server wants them; the optional ones last. */
export const PARTS: Record<MadeKind, readonly string[]> = {
  WECOM_CALLBACK: ['token', 'encodingAesKey', 'receiveId'],
  DINGTALK_CALLBACK: ['appSecret', 'token', 'aesKey', 'appKey'],
  FEISHU_CALLBACK: ['encryptKey', 'verificationToken'],
  API_SIGNATURE: ['secret'],
  EMAIL_AUTHENTICATION: ['authservId'],
  WEB_FORM: ['secret'],
  OTHER: ['secret'],
};

/** Parts that are no secret, and are easier typed when seen. */
export const IN_CLEAR: readonly string[] = ['authservId'];

/** Of these gateways the credential has the gateway's key. */
export const GATEWAYS: Partial<Record<CredentialKind, string>> = {
  WECOM_CALLBACK: 'wecom',
  DINGTALK_CALLBACK: 'dingtalk',
  FEISHU_CALLBACK: 'feishu',
  API_SIGNATURE: 'api',
  EMAIL_AUTHENTICATION: 'email',
  WEB_FORM: 'web',
};
