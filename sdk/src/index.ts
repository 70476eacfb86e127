import { Journal } from './file';
import { Indexed } from './indexeddb';
import { Memory } from './memory';
import type { Correction, Entry, Options, Report, Result, Store } from './types';

export { Memory } from './memory';
export type * from './types';

const BATCH = 100;
const TIMEOUT = 15_000;
const RETRY_MAX = 60_000;
/** The clock is looked at again after this, */
const CLOCK_LASTS = 3_600_000;
/** and where it has gone so far from the one that nobody sets. */
const CLOCK_JUMP = 1000;
const SEEN_MAX = 1000;
const CURSOR = 'cursor';

const CORRECTION = 'uuid status word causeId';
/** The code of a request that is refused as a whole. */
const BAD_INPUT = 'BAD_USER_INPUT';
const REPORT =
  'mutation ($input: ReportStatusesInput!) { reportStatuses(input: $input) { results { uuid outcome code message truth } userErrors { code message } } }';
const OUTSTANDING = `query ($after: String) { outstandingCorrections(first: 100, after: $after) { nodes { ${CORRECTION} } pageInfo { endCursor hasNextPage } } }`;
const SUBSCRIBE = `subscription ($after: String!) { corrections(after: $after) { cursor ${CORRECTION} } }`;

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

/** Grows from a second to a minute, spread so that many clients do not come back at once. */
const wait = (failures: number) => Math.min(RETRY_MAX, 1000 * 2 ** failures) * (0.5 + Math.random() / 2);

/** A system that speaks of tickets. */
export class Buoy {
  #options: Options;
  #store: Store;
  /** Where the pages of an origin share a queue: one sends, and tells the others what it came to. */
  #channel: BroadcastChannel | undefined;
  #waiting = new Map<string, ((result: Result) => void)[]>();
  #closed = false;
  #flushing: Promise<void> | undefined;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #clock: { offset: number; at: number; ahead: number } | undefined;
  #socket: { close(): void } | undefined;
  #seen = new Set<string>();
  #fail = (error: unknown) => {
    if (!this.#closed) this.#options.onError?.(error instanceof Error ? error : new Error(String(error)));
  };
  #attempt = () => {
    this.flush().catch(() => {});
  };
  #wake = () => {
    this.#failures = 0;
    this.#attempt();
  };

  constructor(options: Options) {
    const { store, file, name, url } = options;
    this.#options = options;
    if (store || file || typeof indexedDB === 'undefined') this.#store = store ?? (file ? new Journal(file) : new Memory());
    else {
      const shared = `buoy:${name ?? url}`;
      this.#store = new Indexed(shared);
      this.#channel = new BroadcastChannel(shared);
      this.#channel.onmessage = ({ data }) => this.#tell(data as Result[]);
    }
    globalThis.addEventListener?.('online', this.#wake);
    this.#attempt();
    if (options.onCorrection) void this.#listen(0);
  }

  /** Says what happened. Resolves once Buoy has answered; until then it waits in the queue, also while there is no network. */
  async report(report: Report): Promise<Result> {
    return (await this.reportAll([report]))[0]!;
  }

  /** Says several things, in any order. */
  async reportAll(reports: Report[]): Promise<Result[]> {
    const entries = this.#entries(reports);
    const answers = entries.map(
      ({ id }) => new Promise<Result>((resolve) => this.#waiting.set(id, [...(this.#waiting.get(id) ?? []), resolve])),
    );
    await this.#enqueue(entries);
    return Promise.all(answers);
  }

  /** The same, but resolves as soon as the reports are safe in the queue. What they come to is told to `onResult`. */
  async queue(reports: Report[]): Promise<void> {
    await this.#enqueue(this.#entries(reports));
  }

  /** How many reports wait to be sent. */
  pending(): Promise<number> {
    return this.#store.count();
  }

  /** How many milliseconds Buoy's clock is ahead of this device's; undefined until it was seen. */
  get clockOffset(): number | undefined {
    return this.#clock?.offset;
  }

  /** Sends what waits, now. Resolves once all of it was answered, or rejects with what is in the way. */
  async flush(): Promise<void> {
    // What is being sent may have been looked for before the latest was there.
    await this.#flushing?.catch(() => {});
    await (this.#flushing ??= this.#run());
  }

  /** Stops. What waits stays in the queue for the next time. */
  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    globalThis.removeEventListener?.('online', this.#wake);
    this.#socket?.close();
    // Not closed: others wait for what is being sent.
    if (this.#channel) this.#channel.onmessage = null;
  }

  /** What is not in order is refused here: in the queue it would be in the way of others. */
  #entries(reports: Report[], causeId?: string): Entry[] {
    return reports.map(({ uuid, status, operator, at, eventId }) => {
      const texts = { uuid, status, operator: operator ?? this.#options.operator!, eventId: eventId ?? crypto.randomUUID() };
      for (const [field, text] of Object.entries(texts)) {
        // What has no trim is no text.
        if (!text?.trim?.()) throw new BuoyError('REQUIRED', `${field} must be a text`);
      }
      const localAt = new Date(at ?? Date.now()).getTime();
      if (!(localAt >= 0)) throw new BuoyError('INVALID', 'at must be a time');
      return { id: texts.eventId, uuid, status, operator: texts.operator, localAt, causeId };
    });
  }

  async #enqueue(entries: Entry[]) {
    await this.#store.add(entries);
    this.#attempt();
  }

  async #run() {
    try {
      const send = () => this.#send();
      // Only secure pages have locks.
      await ((this.#channel && navigator.locks?.request(this.#channel.name, send)) ?? send());
      this.#failures = 0;
    } catch (error) {
      this.#fail(error);
      if (!this.#closed) {
        this.#timer ??= setTimeout(() => {
          this.#timer = undefined;
          this.#attempt();
        }, wait(this.#failures++));
      }
      throw error;
    } finally {
      this.#flushing = undefined;
    }
  }

  async #send() {
    let size = BATCH;
    while (!this.#closed) {
      const entries = await this.#store.oldest(size);
      if (!entries.length) return;
      await this.#stamp(entries.filter(({ timestamp }) => !timestamp));
      let results: Omit<Result, 'eventId'>[];
      try {
        results = await this.#deliver(entries);
      } catch (error) {
        if (!(error instanceof BuoyError) || error.code !== BAD_INPUT) throw error;
        // Which of them it is shows one by one, up to that one.
        if (entries.length > 1) {
          size = 1;
          continue;
        }
        size = BATCH;
        results = [{ uuid: entries[0]!.uuid, outcome: 'REFUSED', code: error.code, message: error.message, truth: null }];
      }
      const told = entries.flatMap(({ id, causeId }, place) => (causeId ? [] : [{ ...results[place]!, eventId: id }]));
      this.#channel?.postMessage(told);
      await this.#store.remove(entries.map(({ id }) => id));
      this.#tell(told);
    }
  }

  /** Gives each its time by Buoy's clock: the same key says the same thing, however often it is sent. */
  async #stamp(fresh: Entry[]) {
    if (!fresh.length) return;
    const offset = await this.#readClock();
    let now = Date.now();
    // One of the future is from before the clock was set right: it happened by now, and after those before it.
    for (const entry of fresh.reverse()) entry.timestamp = new Date((entry.localAt > now ? now-- : entry.localAt) + offset).toISOString();
    await this.#store.replace(fresh);
  }

  async #deliver(entries: Entry[]) {
    const reports = entries.map(({ id: eventId, uuid, status, operator, timestamp, causeId }) => ({
      eventId,
      uuid,
      status,
      operator,
      timestamp,
      causeId,
    }));
    const input = { reports, sentAt: new Date().toISOString() };
    const { reportStatuses } = await this.#ask<{ reportStatuses: { results: Result[]; userErrors: BuoyError[] } }>(REPORT, { input });
    const refusal = reportStatuses.userErrors[0];
    if (refusal) throw new BuoyError(refusal.code, refusal.message);
    return reportStatuses.results;
  }

  #tell(results: Result[]) {
    for (const result of results) {
      for (const resolve of this.#waiting.get(result.eventId) ?? []) resolve(result);
      this.#waiting.delete(result.eventId);
      // Apart from the others: one that throws keeps nothing from them.
      Promise.resolve(result).then(this.#options.onResult).catch(this.#fail);
    }
  }

  /** By half of the way there and back. */
  async #readClock() {
    const at = performance.now();
    const sent = Date.now();
    const ahead = sent - at;
    if (!this.#clock || at - this.#clock.at > CLOCK_LASTS || Math.abs(ahead - this.#clock.ahead) > CLOCK_JUMP) {
      const { about } = await this.#ask<{ about: { now: string } }>('{ about { now } }');
      this.#clock = { offset: Math.round(Date.parse(about.now) - (sent + Date.now()) / 2), at, ahead };
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
  async #listen(failures: number): Promise<void> {
    try {
      const after = (await this.#store.get(CURSOR)) ?? (await this.#outstanding());
      if (!this.#closed) await this.#stream(after, () => (failures = 0));
    } catch (error) {
      this.#fail(error);
    }
    if (!this.#closed) setTimeout(() => void this.#listen(failures + 1), wait(failures));
  }

  /** Whatever waits, where nothing was taken yet; what comes meanwhile lies behind the cursor that this keeps at its end. */
  async #outstanding() {
    const { boardCursor } = await this.#ask<{ boardCursor: string }>('{ boardCursor }');
    let after: string | undefined;
    do {
      const { nodes, pageInfo }: Page = (await this.#ask<{ outstandingCorrections: Page }>(OUTSTANDING, { after })).outstandingCorrections;
      for (const correction of nodes) await this.#take(correction);
      after = pageInfo.hasNextPage ? pageInfo.endCursor : undefined;
    } while (after);
    await this.#store.set(CURSOR, boardCursor);
    return boardCursor;
  }

  async #stream(after: string, welcomed: () => void) {
    const { url, apiKey, WebSocket: Socket = globalThis.WebSocket } = this.#options;
    if (!Socket) throw new BuoyError('NO_WEBSOCKET', 'There is no WebSocket here: pass that of the package ws');
    const socket = (this.#socket = new Socket(`${url.replace(/^http/, 'ws')}/graphql`, 'graphql-transport-ws'));
    const say = (type: string, more?: object) => socket.send(JSON.stringify({ type, ...more }));
    // One after the other. Behind one that failed nothing of this socket is handled or passed: all of it comes again.
    let taken = Promise.resolve();
    const error = await new Promise<unknown>((end) => {
      socket.onopen = () => say('connection_init', { payload: { authorization: `Bearer ${apiKey}` } });
      socket.onmessage = ({ data }: { data: unknown }) => {
        const { type, payload } = JSON.parse(String(data)) as {
          type: string;
          payload?: { data?: { corrections: Correction & { cursor: string } }; errors?: Error[] } & Error[];
        };
        if (type === 'connection_ack') {
          welcomed();
          say('subscribe', { id: 'c', payload: { query: SUBSCRIBE, variables: { after } } });
        } else if (payload?.data) {
          const { cursor, ...correction } = payload.data.corrections;
          taken = taken.then(() => this.#take(correction, cursor));
          taken.catch(end);
        } else if (type === 'ping') say('pong');
        else end(new BuoyError('SUBSCRIPTION', (payload?.errors ?? payload)?.[0]?.message ?? type));
      };
      socket.onclose = ({ code, reason }: { code: number; reason: string }) =>
        end(code === 4403 && new BuoyError('FORBIDDEN', String(reason)));
      socket.onerror = () => end(new BuoyError('NETWORK', 'The socket for corrections failed'));
    });
    socket.close();
    await taken;
    if (error) throw error;
  }

  /** Acknowledged when it is done, and only then passed. */
  async #take(correction: Correction, cursor?: string) {
    if (this.#closed) throw new BuoyError('CLOSED', 'closed');
    const { uuid, status, word, causeId } = correction;
    if (!this.#seen.has(causeId)) {
      await this.#options.onCorrection?.(correction);
      const report = { uuid, status: word ?? status, operator: this.#options.operator ?? 'Buoy SDK', eventId: `ack:${causeId}` };
      await this.#enqueue(this.#entries([report], causeId));
      if (this.#seen.size >= SEEN_MAX) this.#seen.clear();
      this.#seen.add(causeId);
    }
    if (cursor) await this.#store.set(CURSOR, cursor);
  }
}
