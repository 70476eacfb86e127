/** The way to the server: queries and mutations over HTTP, live events over a web socket. */
import { authExchange } from '@urql/exchange-auth';
import { CombinedError, createClient as createHttp, fetchExchange, stringifyDocument, type TypedDocumentNode } from '@urql/core';
import { createClient as createSocket } from 'graphql-ws';
import { language } from '../i18n';
import { freshToken, lasts, session } from './session';

export const client = createHttp({
  url: '/graphql',
  preferGetMethod: false,
  fetchOptions: () => ({ headers: { 'accept-language': language.get(), 'x-buoy-channel': 'web' } }),
  exchanges: [
    authExchange((utils) =>
      Promise.resolve({
        addAuthToOperation: (operation) => {
          const held = session.get();
          return held ? utils.appendHeaders(operation, { authorization: `Bearer ${held.accessToken}` }) : operation;
        },
        willAuthError: () => {
          const held = session.get();
          return held !== null && !lasts(held);
        },
        didAuthError: (error) => error.graphQLErrors.some((e) => e.extensions['code'] === 'UNAUTHENTICATED'),
        // Out of reach: the operation fails as it stands, and the next one tries again.
        refreshAuth: () => freshToken(true).then(
          () => undefined,
          () => undefined,
        ),
      }),
    ),
    fetchExchange,
  ],
});

export type Live = 'connecting' | 'on' | 'off';

const RETRY_MS = 500;
const RETRY_MAX_MS = 15_000;

const socket = createSocket({
  url: () => `${location.origin.replace(/^http/, 'ws')}/graphql`,
  connectionParams: async () => {
    const token = await freshToken();
    return token ? { authorization: `Bearer ${token}`, 'accept-language': language.get(), channel: 'web' } : {};
  },
  keepAlive: 20_000,
  lazyCloseTimeout: 2_000,
  shouldRetry: () => session.get() !== null,
  retryAttempts: Number.POSITIVE_INFINITY,
  retryWait: (retries) => {
    const wait = Math.min(RETRY_MS * 2 ** retries, RETRY_MAX_MS);
    return new Promise((done) => setTimeout(done, wait * (0.5 + Math.random() / 2)));
  },
});

/** How the socket stands: it is shared, and open already when a second page follows something. */
let standing: Live = 'connecting';
socket.on('connecting', () => (standing = 'connecting'));
socket.on('connected', () => (standing = 'on'));
socket.on('closed', () => (standing = 'off'));

/**
 * Live events from a cursor on. After a break the socket asks again for what lies behind the last one heard, so nothing
 * is lost or repeated.
 */
export function follow<Data, Variables extends { after?: string | null | undefined }>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  hear: { event: (data: Data) => string | undefined; live: (live: Live) => void; refused: (why: CombinedError) => void },
): () => void {
  // graphql-ws sends this very object again when it connects anew.
  const payload = { query: stringifyDocument(document), variables: { ...variables } as Record<string, unknown> };
  const marks = [
    socket.on('connecting', () => hear.live('connecting')),
    socket.on('connected', () => hear.live('on')),
    socket.on('closed', () => hear.live('off')),
  ];
  hear.live(standing);
  const end = socket.subscribe<Data>(payload, {
    next: ({ data, errors }) => {
      if (errors) return hear.refused(new CombinedError({ graphQLErrors: [...errors] }));
      hear.live('on');
      const cursor = data ? hear.event(data) : undefined;
      if (cursor) payload.variables['after'] = cursor;
    },
    error: (why) => {
      if (Array.isArray(why)) hear.refused(new CombinedError({ graphQLErrors: why as Error[] }));
      else hear.live('off');
    },
    complete: () => hear.live('off'),
  });
  return () => {
    for (const unmark of marks) unmark();
    end();
  };
}
