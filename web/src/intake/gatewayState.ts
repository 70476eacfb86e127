/** The state of a gateway. */
import type { CredentialKind, GatewayHealthQuery } from '../gql';

export type Gateway = GatewayHealthQuery['gateways'][number];
export type Canary = NonNullable<Gateway['canary']>;
export type GatewayState = 'CLOSED' | 'LOST' | 'SILENT' | 'UNTRIED' | 'WORKING';

/** Checks the worst state first. A gateway that has received nothing counts as untried, not as working. */
export function gatewayState({ isConfigured, isSilent, lastReceivedAt, canary }: Pick<Gateway, 'isConfigured' | 'isSilent' | 'lastReceivedAt' | 'canary'>): GatewayState {
  if (!isConfigured) return 'CLOSED';
  if (canary?.state === 'LOST') return 'LOST';
  if (isSilent) return 'SILENT';
  const hasReceived = lastReceivedAt !== null || canary?.state === 'ARRIVED' || canary?.state === 'CANCELLED';
  return hasReceived ? 'WORKING' : 'UNTRIED';
}

/** When the canary reached its current state. */
export const canaryStateSince = ({ state, sentAt, arrivedAt, endedAt }: Canary): string =>
  (state === 'SENT' ? sentAt
  : state === 'ARRIVED' ? arrivedAt
  : endedAt) ?? sentAt;

/** Gateways for which Buoy can send the canary itself. */
export const CANARY_GATEWAYS: readonly string[] = ['api', 'email', 'web'];

/** Kinds of credentials that users can create; channel accounts come from the configuration. */
export type EditableCredentialKind = Exclude<CredentialKind, 'CHANNEL_ACCOUNT'>;

/** The parts of each kind as the server expects them; optional ones last. */
export const CREDENTIAL_PARTS: Record<EditableCredentialKind, readonly string[]> = {
  WECOM_CALLBACK: ['token', 'encodingAesKey', 'receiveId'],
  DINGTALK_CALLBACK: ['appSecret', 'token', 'aesKey', 'appKey'],
  FEISHU_CALLBACK: ['encryptKey', 'verificationToken'],
  API_SIGNATURE: ['secret'],
  EMAIL_AUTHENTICATION: ['authservId'],
  WEB_FORM: ['secret'],
  OTHER: ['secret'],
};

/** Parts that are not secret, so the form shows them as plain text. */
export const PLAIN_TEXT_PARTS: readonly string[] = ['authservId'];

/** For these kinds the key of the credential is the key of its gateway. */
export const GATEWAY_KEYS: Partial<Record<CredentialKind, string>> = {
  WECOM_CALLBACK: 'wecom',
  DINGTALK_CALLBACK: 'dingtalk',
  FEISHU_CALLBACK: 'feishu',
  API_SIGNATURE: 'api',
  EMAIL_AUTHENTICATION: 'email',
  WEB_FORM: 'web',
};
