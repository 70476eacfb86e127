/** The session of the user signed in on this browser, and its tokens. */
import { createClient, fetchExchange, type CombinedError } from '@urql/core';
import { RefreshSessionDocument, type SignInMutation, type ViewerFragment } from '../gql';
import { Store } from '../lib/store';

export interface Session {
  accessToken: string;
  refreshToken: string;
  /** When the access token expires. */
  expiresAt: string;
  viewer: ViewerFragment;
}

export const session = new Store<Session | null>(
  'buoy.session',
  (stored) => {
    if (stored === null) return null;
    try {
      return JSON.parse(stored) as Session;
    } catch {
      return null;
    }
  },
  (value) => (value === null ? null : JSON.stringify(value)),
);

/** An access token with less time left than this is refreshed. */
const REFRESH_MARGIN_MS = 60_000;

export function isFresh({ expiresAt }: Session, now = Date.now()): boolean {
  return Date.parse(expiresAt) - now > REFRESH_MARGIN_MS;
}

type SignInPayload = SignInMutation['signIn'];

/** The session from the payload of a sign-in or refresh; `null` where it was refused. */
export function toSession({ accessToken, refreshToken, expiresAt, viewer }: SignInPayload): Session | null {
  return accessToken && refreshToken && expiresAt && viewer ? { accessToken, refreshToken, expiresAt, viewer } : null;
}

/** A client without the auth exchange, because the auth exchange itself needs it to refresh tokens. */
const refreshClient = createClient({ url: '/graphql', exchanges: [fetchExchange], preferGetMethod: false });

/** A refresh token can be used once, so one tab refreshes it and the others use its result. */
async function withSessionLock<T>(work: () => Promise<T>): Promise<T> {
  return 'locks' in navigator ? navigator.locks.request('buoy.session', work) : work();
}

let refreshing: Promise<string | null> | null = null;

/** Returns a valid access token; `null` where nobody is signed in any more. Rejects where the server is not reachable. */
export function getAccessToken(force = false): Promise<string | null> {
  const current = session.get();
  if (!current) return Promise.resolve(null);
  if (!force && isFresh(current)) return Promise.resolve(current.accessToken);
  refreshing ??= withSessionLock(() => refreshSession(current)).finally(() => (refreshing = null));
  return refreshing;
}

async function refreshSession(current: Session): Promise<string | null> {
  const latest = session.readLatest();
  if (latest && latest.accessToken !== current.accessToken && isFresh(latest)) {
    session.set(latest);
    return latest.accessToken;
  }
  const refreshToken = (latest ?? current).refreshToken;
  const answer = await refreshClient.mutation(RefreshSessionDocument, { input: { refreshToken } }).toPromise();
  if (!answer.data) throw answer.error as CombinedError;
  const refreshed = toSession(answer.data.refreshSession);
  session.set(refreshed);
  return refreshed?.accessToken ?? null;
}
