/** Who is signed in on this browser, and the tokens that say so. */
import { createClient, fetchExchange, type CombinedError } from '@urql/core';
import { RefreshSessionDocument, type SignInMutation, type ViewerFragment } from '../gql';
import { Store } from '../lib/store';

export interface Session {
  accessToken: string;
  refreshToken: string;
  /** When the access token ends. */
  expiresAt: string;
  viewer: ViewerFragment;
}

export const session = new Store<Session | null>(
  'buoy.session',
  (kept) => {
    if (kept === null) return null;
    try {
      return JSON.parse(kept) as Session;
    } catch {
      return null;
    }
  },
  (value) => (value === null ? null : JSON.stringify(value)),
);

/** A token is renewed when it has less than this left. */
const MARGIN_MS = 60_000;

export function lasts({ expiresAt }: Session, now = Date.now()): boolean {
  return Date.parse(expiresAt) - now > MARGIN_MS;
}

type Granted = SignInMutation['signIn'];

/** The session that signing in or refreshing granted; `null` where it was refused. */
export function granted({ accessToken, refreshToken, expiresAt, viewer }: Granted): Session | null {
  return accessToken && refreshToken && expiresAt && viewer ? { accessToken, refreshToken, expiresAt, viewer } : null;
}

/** Without the exchange that renews tokens, since it renews them. */
const bare = createClient({ url: '/graphql', exchanges: [fetchExchange], preferGetMethod: false });

/** A refresh token works once: of all tabs one renews, the others take what it got. */
async function alone<T>(work: () => Promise<T>): Promise<T> {
  return 'locks' in navigator ? navigator.locks.request('buoy.session', work) : work();
}

let renewing: Promise<string | null> | null = null;

/** An access token that lasts; `null` where nobody is signed in any more. Fails where the server cannot be reached. */
export function freshToken(force = false): Promise<string | null> {
  const held = session.get();
  if (!held) return Promise.resolve(null);
  if (!force && lasts(held)) return Promise.resolve(held.accessToken);
  renewing ??= alone(() => renew(held)).finally(() => (renewing = null));
  return renewing;
}

async function renew(held: Session): Promise<string | null> {
  const newest = session.newest();
  if (newest && newest.accessToken !== held.accessToken && lasts(newest)) {
    session.set(newest);
    return newest.accessToken;
  }
  const refreshToken = (newest ?? held).refreshToken;
  const answer = await bare.mutation(RefreshSessionDocument, { input: { refreshToken } }).toPromise();
  if (!answer.data) throw answer.error as CombinedError;
  const next = granted(answer.data.refreshSession);
  session.set(next);
  return next?.accessToken ?? null;
}
