import { Journal } from './file';
import { Indexed } from './indexeddb';
import { Memory } from './memory';
import type { Correction, Entry, Options, Report, Result, Store } from './types';

export { Memory } from './memory';
export type * from './types';

const BATCH = 100;
const TIMEOUT = 15_000;
const RETRY_MAX = 60_000;
/** The clock is looked at again after this. */
const CLOCK_LASTS = 3_600_000;
const SEEN_MAX = 1000;

const CORRECTION = 'uuid status word causeId';
const REPORT = `mutation ($input: ReportStatusesInput!) {
  reportStatuses(input: $input) { results { uuid outcome code message truth } userErrors { code message } } }`;
const OUTSTANDING = `query ($after: String) { outstandingCorrections(first: 100, after: $after) {
  nodes { ${CORRECTION} } pageInfo { endCursor hasNextPage } } }`;
const SUBSCRIBE = `subscription ($after: String) { corrections(after: $after) { cursor ${CORRECTION} } }`;

type Page = { nodes: Correction[]; pageInfo: { endCursor: string; hasNextPage: boolean } };

/** What Buoy answered where it did not do what was asked. */
export class BuoyError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

const asError = (error: unknown) => (error instanceof Error ? error : new Error(String(error)));

/** Grows from a second to a minute, spread so that many clients do not come back at once. */
const wait = (failures: number) => Math.min(RETRY_MAX, 1000 * 2 ** failures) * (0.5 + Math.random() / 2);

function storeOf({ store, file, name, url }: Options): Store {
  if (store) return store;
  if (file) return new Journal(file);
  return typeof indexedDB === 'undefined' ? new Memory() : new Indexed(name ?? url);
}

/** A system that speaks of tickets. */
export class Buoy {
  private store: Store;
  private waiting = new Map<string, (result: Result) => void>();
  private closed = false;
  private flushing: Promise<void> | undefined;
  private failures = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private clock: { offset: number; at: number } | undefined;
  private socket: { close(): void } | undefined;
  private seen = new Set<string>();
  private handling: Promise<void> = Promise.resolve();
  private wake = () => {
    this.failures = 0;
    void this.flush();
  };

  constructor(private options: Options) {
    this.store = storeOf(options);
    globalThis.addEventListener?.('online', this.wake);
    void this.flush();
    if (options.onCorrection) void this.listen(0);
  }

  /** Says what happened. Resolves once Buoy has answered; until then it waits in the queue, also while there is no network. */
  async report(report: Report): Promise<Result> {
    return (await this.reportAll([report]))[0]!;
  }

  /** Says several things, in any order. */
  async reportAll(reports: Report[]): Promise<Result[]> {
    const { answers } = await this.enqueue(reports);
    return Promise.all(answers);
  }

  /** The same, but resolves as soon as the reports are safe in the queue. What they come to is told to `onResult`. */
  async queue(reports: Report[]): Promise<void> {
    await this.enqueue(reports);
  }

  /** How many reports wait to be sent. */
  pending(): Promise<number> {
    return this.store.count();
  }

  /** How many milliseconds Buoy's clock is ahead of this device's; undefined until it was seen. */
  get clockOffset(): number | undefined {
    return this.clock?.offset;
  }

  /** Sends what waits, now. Resolves once all of it was answered, or rejects with what is in the way. */
  async flush(): Promise<void> {
    this.flushing ??= this.alone(() => this.send()).finally(() => (this.flushing = undefined));
    try {
      await this.flushing;
      this.failures = 0;
    } catch (error) {
      this.fail(asError(error));
      if (!this.closed && !this.timer) {
        this.timer = setTimeout(() => {
          this.timer = undefined;
          void this.flush();
        }, wait(this.failures++));
      }
    }
  }

  /** Stops. What waits stays in the queue for the next time. */
  close() {
    this.closed = true;
    clearTimeout(this.timer);
    globalThis.removeEventListener?.('online', this.wake);
    this.socket?.close();
  }

  private fail(error: Error) {
    if (!this.closed) this.options.onError?.(error);
  }

  private async enqueue(reports: Report[], causeId?: string) {
    const entries = reports.map(({ uuid, status, operator, at, eventId }): Entry => {
      const who = operator ?? this.options.operator;
      if (!who) throw new BuoyError('REQUIRED', 'operator is missing: name who did it');
      return { id: eventId ?? crypto.randomUUID(), uuid, status, operator: who, localAt: Number(at ?? Date.now()), causeId };
    });
    const answers = entries.map(({ id }) => new Promise<Result>((resolve) => this.waiting.set(id, resolve)));
    await this.store.add(entries);
    // What is being sent may have looked before these were there.
    void (this.flushing ?? Promise.resolve()).catch(() => {}).then(() => this.flush());
    return { answers };
  }

  /** One page of an origin sends at a time. */
  private async alone(work: () => Promise<void>) {
    const locks = globalThis.navigator?.locks;
    if (locks && typeof indexedDB !== 'undefined') await locks.request(`buoy:${this.options.name ?? this.options.url}`, work);
    else await work();
  }

  private async send() {
    for (;;) {
      const entries = this.closed ? [] : await this.store.oldest(BATCH);
      if (!entries.length) return;
      const fresh = entries.filter((entry) => !entry.timestamp);
      if (fresh.length) {
        const offset = await this.readClock();
        for (const entry of fresh) entry.timestamp = new Date(entry.localAt + offset).toISOString();
        // The same key says the same thing, however often it is sent.
        await this.store.replace(fresh);
      }
      const reports = entries.map(({ id, uuid, status, operator, timestamp, causeId }) => ({
        uuid,
        status,
        operator,
        timestamp,
        causeId,
        eventId: id,
      }));
      const input = { reports, sentAt: new Date().toISOString() };
      const { reportStatuses } = await this.ask<{ reportStatuses: { results: Result[]; userErrors: BuoyError[] } }>(REPORT, { input });
      const refusal = reportStatuses.userErrors[0];
      if (refusal) throw new BuoyError(refusal.code, refusal.message);
      await this.store.remove(entries.map(({ id }) => id));
      entries.forEach(({ id, causeId }, place) => {
        const result = { ...reportStatuses.results[place]!, eventId: id };
        this.waiting.get(id)?.(result);
        this.waiting.delete(id);
        if (!causeId) this.options.onResult?.(result);
      });
    }
  }

  /** By half of the way there and back. */
  private async readClock() {
    if (!this.clock || Math.abs(Date.now() - this.clock.at) > CLOCK_LASTS) {
      const sent = Date.now();
      const { about } = await this.ask<{ about: { now: string } }>('{ about { now } }', {});
      const got = Date.now();
      this.clock = { offset: Math.round(Date.parse(about.now) - (sent + got) / 2), at: got };
    }
    return this.clock.offset;
  }

  private async ask<T>(query: string, variables: object): Promise<T> {
    const response = await fetch(`${this.options.url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json',
        authorization: `Bearer ${this.options.apiKey}`,
      },
      body: JSON.stringify({ query, variables }),
      signal: AbortSignal.timeout(TIMEOUT),
    });
    const { data, errors } = (await response.json()) as {
      data?: T;
      errors?: { message: string; extensions?: { code?: string } }[];
    };
    const error = errors?.[0];
    if (error || !data) throw new BuoyError(error?.extensions?.code ?? `HTTP_${response.status}`, error?.message ?? response.statusText);
    return data;
  }

  /** Takes corrections while the socket lasts, then comes back for what it has missed. */
  private async listen(failures: number): Promise<void> {
    let lasted = false;
    try {
      const after = await this.store.get('cursor');
      if (this.closed) return;
      await this.stream(after, () => (lasted = true));
    } catch (error) {
      this.fail(asError(error));
    }
    if (this.closed) return;
    const next = lasted ? 0 : failures + 1;
    setTimeout(() => void this.listen(next), wait(next));
  }

  private stream(after: string | undefined, welcomed: () => void) {
    const Socket = this.options.WebSocket ?? globalThis.WebSocket;
    if (!Socket) throw new BuoyError('NO_WEBSOCKET', 'There is no WebSocket here: Node has one from 22 on, or pass the one of the package ws.');
    const socket = new Socket(`${this.options.url.replace(/^http/, 'ws')}/graphql`, 'graphql-transport-ws');
    this.socket = socket;
    const say = (type: string, more: object = {}) => socket.send(JSON.stringify({ type, ...more }));
    return new Promise<void>((resolve, reject) => {
      socket.onopen = () => say('connection_init', { payload: { authorization: `Bearer ${this.options.apiKey}` } });
      socket.onmessage = ({ data }: { data: unknown }) => {
        const { type, payload } = JSON.parse(String(data)) as {
          type: string;
          payload?: { data?: { corrections: Correction & { cursor: string } }; errors?: Error[] } & { message?: string }[];
        };
        if (type === 'connection_ack') {
          welcomed();
          say('subscribe', { id: 'c', payload: { query: SUBSCRIBE, variables: { after: after ?? null } } });
          // Without a cursor: whatever waits, and then what comes.
          if (!after) this.outstanding().catch((error: unknown) => this.stop(socket, reject, error));
        } else if (type === 'next' && payload?.data) {
          const { cursor, ...correction } = payload.data.corrections;
          this.take(correction, cursor).catch((error: unknown) => this.stop(socket, reject, error));
        } else if (type === 'error' || payload?.errors) {
          this.stop(socket, reject, new BuoyError('SUBSCRIPTION', payload?.[0]?.message ?? payload?.errors?.[0]?.message ?? 'refused'));
        } else if (type === 'ping') say('pong');
      };
      socket.onclose = ({ code, reason }: { code: number; reason: string }) =>
        code === 4403 ? reject(new BuoyError('FORBIDDEN', String(reason))) : resolve();
      socket.onerror = () => reject(new BuoyError('NETWORK', 'The socket for corrections failed.'));
    });
  }

  private stop(socket: { close(): void }, reject: (error: Error) => void, error: unknown) {
    reject(asError(error));
    socket.close();
  }

  private async outstanding() {
    let after: string | null = null;
    do {
      const { nodes, pageInfo }: Page = (await this.ask<{ outstandingCorrections: Page }>(OUTSTANDING, { after })).outstandingCorrections;
      for (const correction of nodes) await this.take(correction);
      after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
    } while (after);
  }

  /** One after the other; acknowledged when it is done, and only then passed. */
  private take(correction: Correction, cursor?: string): Promise<void> {
    const handled = this.handling.then(async () => {
      if (this.closed) return;
      const { uuid, status, word, causeId } = correction;
      if (!this.seen.has(causeId)) {
        await this.options.onCorrection?.(correction);
        await this.enqueue([{ uuid, status: word ?? status, operator: this.options.operator ?? 'Buoy SDK', eventId: `ack:${causeId}` }], causeId);
        if (this.seen.size >= SEEN_MAX) this.seen.clear();
        this.seen.add(causeId);
      }
      if (cursor) await this.store.set('cursor', cursor);
    });
    this.handling = handled.catch(() => {});
    return handled;
  }
}
