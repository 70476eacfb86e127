/** A mutation that a person sets off: its idempotency key, whether it is under way, and why it was refused. */
import { useRef, useState } from 'react';
import type { CombinedError, TypedDocumentNode } from '@urql/core';
import { useLanguage, type Say } from '../i18n';
import type { RefusalFragment } from '../gql';
import { client } from './client';

type Outcome<R> = { outcome: { userErrors: RefusalFragment[] } & R };

/** What the server or the network says, in the reader's language. */
export function explain(t: Say, error: CombinedError): string {
  return error.networkError ? t('error.offline') : error.graphQLErrors.map((e) => e.message).join(' ');
}

export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export interface Action<R, Input> {
  /** What it came to; `null` where it was refused or could not be told. */
  run: (input: Input) => Promise<R | null>;
  busy: boolean;
  refusals: readonly RefusalFragment[];
  failure: string | null;
}

export function useAction<R, Input extends object>(
  document: TypedDocumentNode<Outcome<R>, { input: Input }>,
): Action<R, Input> {
  const [, t] = useLanguage();
  const [busy, setBusy] = useState(false);
  const [refusals, setRefusals] = useState<readonly RefusalFragment[]>([]);
  const [failure, setFailure] = useState<string | null>(null);
  // Kept until the server has answered: a repeated click after a broken connection does the thing once.
  const kept = useRef<{ input: string; key: string } | null>(null);
  const run = async (input: Input): Promise<R | null> => {
    const spelt = JSON.stringify(input);
    if (kept.current?.input !== spelt) kept.current = { input: spelt, key: newKey() };
    setBusy(true);
    setFailure(null);
    const answer = await client
      .mutation(document, { input: { ...input, idempotencyKey: kept.current.key } })
      .toPromise()
      .finally(() => setBusy(false));
    if (!answer.data) {
      setFailure(answer.error ? explain(t, answer.error) : null);
      return null;
    }
    kept.current = null;
    setRefusals(answer.data.outcome.userErrors);
    return answer.data.outcome.userErrors.length > 0 ? null : answer.data.outcome;
  };
  return { run, busy, refusals, failure };
}
