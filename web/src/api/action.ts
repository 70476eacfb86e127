/** Runs a mutation for a form or button: sends an idempotency key, tracks whether it is running, and keeps its errors. */
import { useRef, useState } from 'react';
import type { CombinedError, TypedDocumentNode } from '@urql/core';
import { useLanguage, type Translate } from '../i18n';
import type { UserErrorFragment } from '../gql';
import { client } from './client';

type MutationData<R> = { outcome: { userErrors: UserErrorFragment[] } & R };

/** The error message of the server or the network, in the user's language. */
export function describeError(t: Translate, error: CombinedError): string {
  return error.networkError ? t('error.offline') : error.graphQLErrors.map((e) => e.message).join(' ');
}

export function randomHexKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export interface Action<R, Input> {
  /** Returns the payload; `null` where the server refused the input or the request failed. */
  run: (input: Input) => Promise<R | null>;
  busy: boolean;
  userErrors: readonly UserErrorFragment[];
  requestError: string | null;
}

export function useAction<R, Input extends object>(
  document: TypedDocumentNode<MutationData<R>, { input: Input }>,
): Action<R, Input> {
  const [, t] = useLanguage();
  const [busy, setBusy] = useState(false);
  const [userErrors, setUserErrors] = useState<readonly UserErrorFragment[]>([]);
  const [requestError, setRequestError] = useState<string | null>(null);
  // Kept until the server has answered, so that a retry after a broken connection runs the mutation once.
  const pendingKey = useRef<{ input: string; key: string } | null>(null);
  const run = async (input: Input): Promise<R | null> => {
    const serialized = JSON.stringify(input);
    if (pendingKey.current?.input !== serialized) pendingKey.current = { input: serialized, key: randomHexKey() };
    setBusy(true);
    setRequestError(null);
    const answer = await client
      .mutation(document, { input: { ...input, idempotencyKey: pendingKey.current.key } })
      .toPromise()
      .finally(() => setBusy(false));
    if (!answer.data) {
      setRequestError(answer.error ? describeError(t, answer.error) : null);
      return null;
    }
    pendingKey.current = null;
    setUserErrors(answer.data.outcome.userErrors);
    return answer.data.outcome.userErrors.length > 0 ? null : answer.data.outcome;
  };
  return { run, busy, userErrors, requestError };
}
