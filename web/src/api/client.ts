/** The GraphQL client: queries and mutations over HTTP, live events over a WebSocket. */
import { authExchange } from '@urql/exchange-auth';
import { CombinedError, createClient as createUrqlClient, fetchExchange, stringifyDocument, type TypedDocumentNode } from '@urql/core';
import { createClient as createSocketClient } from 'graphql-ws';
import { language } from '../i18n';
import { getAccessToken, isFresh, session } from './session';

export const client = createUrqlClient({
  url: '/graphql',
  preferGetMethod: false,
  fetchOptions: () => ({ headers: { 'accept-language': language.get(), 'x-buoy-channel': 'web' } }),
  exchanges: [
    authExchange((utils) =>
      Promise.resolve({
        addAuthToOperation: (operation) => {
          const current = session.get();
          return current ? utils.appendHeaders(operation, { authorization: `Bearer ${current.accessToken}` }) : operation;
        },
        willAuthError: () => {
          const current = session.get();
          return current !== null && !isFresh(current);
        },
        didAuthError: (error) => error.graphQLErrors.some((e) => e.extensions['code'] === 'UNAUTHENTICATED'),
        // The server is not reachable: the operation fails without a refresh, and the next one tries again.
        refreshAuth: () => getAccessToken(true).then(
          () => undefined,
          () => undefined,
        ),
      }),
    ),
    fetchExchange,
  ],
});

export type LiveStatus = 'connecting' | 'on' | 'off';

const RETRY_MS = 500;
const RETRY_MAX_MS = 15_000;

const socket = createSocketClient({
  url: () => `${location.origin.replace(/^http/, 'ws')}/graphql`,
  connectionParams: async () => {
    const token = await getAccessToken();
    return token ? { authorization: `Bearer ${token}`, 'accept-language': language.get(), channel: 'web' } : {};
  },
  keepAlive: 20_000,
  lazyCloseTimeout: 2_000,
  shouldRetry: () => session.get() !== null,
  retryAttempts: Number.POSITIVE_INFINITY,
  retryWait: (retries) => {
    const delay = Math.min(RETRY_MS * 2 ** retries, RETRY_MAX_MS);
    return new Promise((done) => setTimeout(done, delay * (0.5 + Math.random() / 2)));
  },
});

/** The status of the socket. All subscriptions share it, so it may already be open when a page subscribes. */
let socketStatus: LiveStatus = 'connecting';
socket.on('connecting', () => (socketStatus = 'connecting'));
socket.on('connected', () => (socketStatus = 'on'));
socket.on('closed', () => (socketStatus = 'off'));

/**
 * Subscribes to live events after a cursor. After a reconnect the subscription resumes after the last event received,
 * so no event is lost or repeated.
 */
export function subscribeLive<Data, Variables extends { after?: string | null | undefined }>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  handlers: { onEvent: (data: Data) => string | undefined; onStatus: (status: LiveStatus) => void; onRefused: (error: CombinedError) => void },
): () => void {
  // graphql-ws sends this same object again when it reconnects.
  const payload = { query: stringifyDocument(document), variables: { ...variables } as Record<string, unknown> };
  const statusListeners = [
    socket.on('connecting', () => handlers.onStatus('connecting')),
    socket.on('connected', () => handlers.onStatus('on')),
    socket.on('closed', () => handlers.onStatus('off')),
  ];
  handlers.onStatus(socketStatus);
  const unsubscribe = socket.subscribe<Data>(payload, {
    next: ({ data, errors }) => {
      if (errors) return handlers.onRefused(new CombinedError({ graphQLErrors: [...errors] }));
      handlers.onStatus('on');
      const cursor = data ? handlers.onEvent(data) : undefined;
      if (cursor) payload.variables['after'] = cursor;
    },
    error: (error) => {
      if (Array.isArray(error)) handlers.onRefused(new CombinedError({ graphQLErrors: error as Error[] }));
      else handlers.onStatus('off');
    },
    complete: () => handlers.onStatus('off'),
  });
  return () => {
    for (const removeListener of statusListeners) removeListener();
    unsubscribe();
  };
}
