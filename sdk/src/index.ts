import { Journal } from './file';
import { IndexedDbStore } from './indexeddb';
import { Memory } from './memory';
import type { Correction, Entry, Options, Report, Result, Store } from './types';

export { Memory } from './memory';
export type * from './types';

const BATCH_SIZE = 100;
const TIMEOUT_MS = 15_000;
const RETRY_MAX_MS = 60_000;
/** The clock offset is measured again after this time. */
const CLOCK_MAX_AGE_MS = 3_600_000;
/** It is also measured again when the system clock moves this far relative to the monotonic clock. */
const CLOCK_JUMP_MS = 1000;
const HANDLED_MAX = 1000;
const CURSOR_KEY = 'cursor';

const CORRECTION_FIELDS = 'uuid status word causeId';
/** The error code of a request that Buoy refuses as a whole. */
const BAD_INPUT = 'BAD_USER_INPUT';
const REPORT_MUTATION =
  'mutation ($input: ReportStatusesInput!) { reportStatuses(input: $input) { results { uuid outcome code message truth } userErrors { code message } } }';
const OUTSTANDING_QUERY = `query ($after: String) { outstandingCorrections(first: 100, after: $after) { nodes { ${CORRECTION_FIELDS} } pageInfo { endCursor hasNextPage } } }`;
const CORRECTIONS_SUBSCRIPTION = `subscription ($after: String!) { corrections(after: $after) { cursor ${CORRECTION_FIELDS} } }`;

type CorrectionPage = { nodes: Correction[]; pageInfo: { endCursor: string; hasNextPage: boolean } };

/** An error that Buoy returned for a request. */
export class BuoyError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** Grows from one second to one minute, with jitter so that many clients do not reconnect at once. */
const retryDelay = (failures: number) => Math.min(RETRY_MAX_MS, 1000 * 2 ** failures) * (0.5 + Math.random() / 2);

/** The client of one partner system. */
export class Buoy {
  #options: Options;
  #store: Store;
  /** Shared by the pages of one origin that use the same queue: one page sends, and publishes the results to the others. */
  #channel: BroadcastChannel | undefined;
  #resolvers = new Map<string, ((result: Result) => void)[]>();
  #closed = false;
  #currentFlush: Promise<void> | undefined;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #clock: { offset: number; at: number; origin: number } | undefined;
  #socket: { close(): void } | undefined;
  #handled = new Set<string>();
  #reportError = (error: unknown) => {
    if (!this.#closed) this.#options.onError?.(error instanceof Error ? error : new Error(String(error)));
  };
  #flushInBackground = () => {
    this.flush().catch(() => {});
  };
  #retryNow = () => {
    this.#failures = 0;
    this.#flushInBackground();
  };

  constructor(options: Options) {
    const { store, file, name, url } = options;
    this.#options = options;
    if (store || file || typeof indexedDB === 'undefined') this.#store = store ?? (file ? new Journal(file) : new Memory());
    else {
      const shared = `buoy:${name ?? url}`;
      this.#store = new IndexedDbStore(shared);
      this.#channel = new BroadcastChannel(shared);
      this.#channel.onmessage = ({ data }) => this.#publishResults(data as Result[]);
    }
    globalThis.addEventListener?.('online', this.#retryNow);
    this.#flushInBackground();
    if (options.onCorrection) void this.#followCorrections(0);
  }

  /** Reports a status. Resolves when Buoy has answered; until then the report stays in the queue, also while offline. */
  async report(report: Report): Promise<Result> {
    return (await this.reportAll([report]))[0]!;
  }

  /** Reports several statuses, in any order. */
  async reportAll(reports: Report[]): Promise<Result[]> {
    const entries = this.#toEntries(reports);
    const answers = entries.map(
      ({ id }) => new Promise<Result>((resolve) => this.#resolvers.set(id, [...(this.#resolvers.get(id) ?? []), resolve])),
    );
    await this.#enqueue(entries);
    return Promise.all(answers);
  }

  /** Queues reports and resolves as soon as they are stored durably. Results are passed to `onResult`. */
  async queue(reports: Report[]): Promise<void> {
    await this.#enqueue(this.#toEntries(reports));
  }

  /** The number of reports that wait to be sent. */
  pending(): Promise<number> {
    return this.#store.count();
  }

  /** How many milliseconds Buoy's clock is ahead of this device's clock; undefined until it was measured. */
  get clockOffset(): number | undefined {
    return this.#clock?.offset;
  }

  /** Sends the queued reports now. Resolves when all were answered, or rejects with the error that prevents it. */
  async flush(): Promise<void> {
    // The running flush may have read the queue before the latest report was added.
    await this.#currentFlush?.catch(() => {});
    await (this.#currentFlush ??= this.#flushOnce());
  }

  /** Stops the client. Queued reports stay in the queue for the next start. */
  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    globalThis.removeEventListener?.('online', this.#retryNow);
    this.#socket?.close();
    // The channel stays open, because other pages still wait for the results of the running request.
    if (this.#channel) this.#channel.onmessage = null;
  }

  /** Rejects invalid reports before they are queued, because an invalid report would block the others. */
  #toEntries(reports: Report[], causeId?: string): Entry[] {
    return reports.map(({ uuid, status, operator, at, eventId }) => {
      const requiredTexts = { uuid, status, operator: operator ?? this.#options.operator!, eventId: eventId ?? crypto.randomUUID() };
      for (const [field, text] of Object.entries(requiredTexts)) {
        // A value without `trim` is not a string.
        if (!text?.trim?.()) throw new BuoyError('REQUIRED', `${field} must be a text`);
      }
      const localAt = new Date(at ?? Date.now()).getTime();
      if (!(localAt >= 0)) throw new BuoyError('INVALID', 'at must be a time');
      return { id: requiredTexts.eventId, uuid, status, operator: requiredTexts.operator, localAt, causeId };
    });
  }

  async #enqueue(entries: Entry[]) {
    await this.#store.add(entries);
    this.#flushInBackground();
  }

  async #flushOnce() {
    try {
      const send = () => this.#sendQueue();
      // Locks exist on secure pages only.
      await ((this.#channel && navigator.locks?.request(this.#channel.name, send)) ?? send());
      this.#failures = 0;
    } catch (error) {
      this.#reportError(error);
      if (!this.#closed) {
        this.#timer ??= setTimeout(() => {
          this.#timer = undefined;
          this.#flushInBackground();
        }, retryDelay(this.#failures++));
      }
      throw error;
    } finally {
      this.#currentFlush = undefined;
    }
  }

  async #sendQueue() {
    let size = BATCH_SIZE;
    while (!this.#closed) {
      const entries = await this.#store.oldest(size);
      if (!entries.length) return;
      await this.#setTimestamps(entries.filter(({ timestamp }) => !timestamp));
      let results: Omit<Result, 'eventId'>[];
      try {
        results = await this.#postReports(entries);
      } catch (error) {
        if (!(error instanceof BuoyError) || error.code !== BAD_INPUT) throw error;
        // Sends the entries one by one to find the refused one.
        if (entries.length > 1) {
          size = 1;
          continue;
        }
        size = BATCH_SIZE;
        results = [{ uuid: entries[0]!.uuid, outcome: 'REFUSED', code: error.code, message: error.message, truth: null }];
      }
      const published = entries.flatMap(({ id, causeId }, index) => (causeId ? [] : [{ ...results[index]!, eventId: id }]));
      this.#channel?.postMessage(published);
      await this.#store.remove(entries.map(({ id }) => id));
      this.#publishResults(published);
    }
  }

  /** Sets each timestamp by Buoy's clock once, so that a retry with the same key sends the same data. */
  async #setTimestamps(unstamped: Entry[]) {
    if (!unstamped.length) return;
    const offset = await this.#measureClockOffset();
    let now = Date.now();
    // A time in the future was recorded before the clock was corrected: it becomes the current time, in the original
    // order.
    for (const entry of unstamped.reverse()) entry.timestamp = new Date((entry.localAt > now ? now-- : entry.localAt) + offset).toISOString();
    await this.#store.replace(unstamped);
  }

  async #postReports(entries: Entry[]) {
    const reports = entries.map(({ id: eventId, uuid, status, operator, timestamp, causeId }) => ({
      eventId,
      uuid,
      status,
      operator,
      timestamp,
      causeId,
    }));
    const input = { reports, sentAt: new Date().toISOString() };
    const { reportStatuses } = await this.#ask<{ reportStatuses: { results: Result[]; userErrors: BuoyError[] } }>(REPORT_MUTATION, { input });
    const refusal = reportStatuses.userErrors[0];
    if (refusal) throw new BuoyError(refusal.code, refusal.message);
    return reportStatuses.results;
  }

  #publishResults(results: Result[]) {
    for (const result of results) {
      for (const resolve of this.#resolvers.get(result.eventId) ?? []) resolve(result);
      this.#resolvers.delete(result.eventId);
      // Called in separate promises, so that a callback that throws does not affect the others.
      Promise.resolve(result).then(this.#options.onResult).catch(this.#reportError);
    }
  }

  /** Measures the offset with half of the round trip time. */
  async #measureClockOffset() {
    const at = performance.now();
    const sent = Date.now();
    const origin = sent - at;
    if (!this.#clock || at - this.#clock.at > CLOCK_MAX_AGE_MS || Math.abs(origin - this.#clock.origin) > CLOCK_JUMP_MS) {
      const { about } = await this.#ask<{ about: { now: string } }>('{ about { now } }');
      this.#clock = { offset: Math.round(Date.parse(about.now) - (sent + Date.now()) / 2), at, origin };
    }
    return this.#clock.offset;
  }

  async #ask<T>(query: string, variables?: object): Promise<T> {
    const response = await fetch(`${this.#options.url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json',
        authorization: `Bearer ${this.#options.apiKey}`,
      },
      body: JSON.stringify({ query, variables }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const { data, errors } = (await response.json()) as {
      data?: T;
      errors?: { message: string; extensions?: { code?: string } }[];
    };
    const error = errors?.[0];
    if (error || !data) throw new BuoyError(error?.extensions?.code ?? `HTTP_${response.status}`, error?.message ?? response.statusText);
    return data;
  }

  /** Receives corrections while the socket is open, then reconnects and asks for the missed ones. */
  async #followCorrections(failures: number): Promise<void> {
    try {
      const after = (await this.#store.get(CURSOR_KEY)) ?? (await this.#handleOutstanding());
      if (!this.#closed) await this.#readCorrections(after, () => (failures = 0));
    } catch (error) {
      this.#reportError(error);
    }
    if (!this.#closed) setTimeout(() => void this.#followCorrections(failures + 1), retryDelay(failures));
  }

  /** Handles all outstanding corrections on the first start. Later ones come after the cursor that is stored at the end. */
  async #handleOutstanding() {
    const { boardCursor } = await this.#ask<{ boardCursor: string }>('{ boardCursor }');
    let after: string | undefined;
    do {
      const { nodes, pageInfo }: CorrectionPage = (await this.#ask<{ outstandingCorrections: CorrectionPage }>(OUTSTANDING_QUERY, { after })).outstandingCorrections;
      for (const correction of nodes) await this.#handleCorrection(correction);
      after = pageInfo.hasNextPage ? pageInfo.endCursor : undefined;
    } while (after);
    await this.#store.set(CURSOR_KEY, boardCursor);
    return boardCursor;
  }

  async #readCorrections(after: string, onConnected: () => void) {
    const { url, apiKey, WebSocket: Socket = globalThis.WebSocket } = this.#options;
    if (!Socket) throw new BuoyError('NO_WEBSOCKET', 'There is no WebSocket here: pass that of the package ws');
    const socket = (this.#socket = new Socket(`${url.replace(/^http/, 'ws')}/graphql`, 'graphql-transport-ws'));
    const sendMessage = (type: string, fields?: object) => socket.send(JSON.stringify({ type, ...fields }));
    // Corrections are handled one at a time. After a failure, this socket handles no further one and the cursor stays,
    // so all are sent again.
    let handling = Promise.resolve();
    const error = await new Promise<unknown>((finish) => {
      socket.onopen = () => sendMessage('connection_init', { payload: { authorization: `Bearer ${apiKey}` } });
      socket.onmessage = ({ data }: { data: unknown }) => {
        const { type, payload } = JSON.parse(String(data)) as {
          type: string;
          payload?: { data?: { corrections: Correction & { cursor: string } }; errors?: Error[] } & Error[];
        };
        if (type === 'connection_ack') {
          onConnected();
          sendMessage('subscribe', { id: 'c', payload: { query: CORRECTIONS_SUBSCRIPTION, variables: { after } } });
        } else if (payload?.data) {
          const { cursor, ...correction } = payload.data.corrections;
          handling = handling.then(() => this.#handleCorrection(correction, cursor));
          handling.catch(finish);
        } else if (type === 'ping') sendMessage('pong');
        else finish(new BuoyError('SUBSCRIPTION', (payload?.errors ?? payload)?.[0]?.message ?? type));
      };
      socket.onclose = ({ code, reason }: { code: number; reason: string }) =>
        finish(code === 4403 && new BuoyError('FORBIDDEN', String(reason)));
      socket.onerror = () => finish(new BuoyError('NETWORK', 'The socket for corrections failed'));
    });
    socket.close();
    await handling;
    if (error) throw error;
  }

  /** Acknowledges a correction after its handler has finished, and only then moves the cursor. */
  async #handleCorrection(correction: Correction, cursor?: string) {
    if (this.#closed) throw new BuoyError('CLOSED', 'closed');
    const { uuid, status, word, causeId } = correction;
    if (!this.#handled.has(causeId)) {
      await this.#options.onCorrection?.(correction);
      const report = { uuid, status: word ?? status, operator: this.#options.operator ?? 'Buoy SDK', eventId: `ack:${causeId}` };
      await this.#enqueue(this.#toEntries([report], causeId));
      if (this.#handled.size >= HANDLED_MAX) this.#handled.clear();
      this.#handled.add(causeId);
    }
    if (cursor) await this.#store.set(CURSOR_KEY, cursor);
  }
}
