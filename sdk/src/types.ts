/** Where a ticket stands in its life. */
export type TicketStatus = 'NEW' | 'ASSIGNED' | 'IN_PROGRESS' | 'WAITING' | 'RESOLVED' | 'CLOSED' | 'CANCELLED';

/** What a report came to. REFUSED is the only one that was not kept. */
export type Outcome = 'APPLIED' | 'AGREED' | 'STALE' | 'DUPLICATE' | 'UNKNOWN_WORD' | 'REFUSED';

/** What happened to a ticket, in this system's own words. */
export interface Report {
  /** The ticket's token, such as TKN-8X9F2Q-L4M7P. */
  uuid: string;
  /** This system's own word for the status. */
  status: string;
  /** Who did it; the client's `operator` where none is given. */
  operator?: string;
  /** When it happened, by this device's clock; now where none is given, and at the latest when it is first sent. */
  at?: Date | number;
  /** This system's own id of the event; one is made where none is given. The same id is the same event, however often it is sent. */
  eventId?: string;
}

/** What a report came to. */
export interface Result {
  uuid: string;
  eventId: string;
  outcome: Outcome;
  /** Why it was refused. */
  code: string | null;
  message: string | null;
  /** Where the ticket stands now, by all that was said of it. */
  truth: TicketStatus | null;
}

/** Where a ticket stands, other than this system holds. */
export interface Correction {
  uuid: string;
  status: TicketStatus;
  /** This system's own word for it; null where its status map has none. */
  word: string | null;
  /** Names the correction: one that comes again has the same. */
  causeId: string;
}

/** What waits to be sent. */
export interface Entry {
  /** The event's id, also of an acknowledgement. */
  id: string;
  uuid: string;
  status: string;
  operator: string;
  /** By this device's clock. */
  localAt: number;
  /** By Buoy's clock, set once, before it is first sent. */
  timestamp?: string;
  causeId?: string;
}

/** Where reports wait while there is no network, and what the client remembers. Every promise is kept once what it says is durable. */
export interface Store {
  add(entries: Entry[]): Promise<void>;
  /** The oldest, at most so many; they stay until they are removed. */
  oldest(max: number): Promise<Entry[]>;
  /** Replaces entries by their ids. */
  replace(entries: Entry[]): Promise<void>;
  remove(ids: string[]): Promise<void>;
  count(): Promise<number>;
  get(key: string): Promise<string | undefined>;
  set(key: string, value: string): Promise<void>;
}

/** What is needed of a WebSocket. */
export type WebSocketLike = new (url: string, protocol: string) => {
  send(data: string): void;
  close(): void;
  onopen: unknown;
  onmessage: unknown;
  onclose: unknown;
  onerror: unknown;
};

export interface Options {
  /** Where Buoy is, such as https://buoy.example.com. */
  url: string;
  /** The system's API key. */
  apiKey: string;
  /** Who reports where a report does not say. */
  operator?: string;
  /** Called with each correction; once it is done without throwing, the correction is acknowledged. One that comes again after a crash has the same `causeId`. */
  onCorrection?: (correction: Correction) => void | Promise<void>;
  /** What every report came to, also of those that waited since before a reload, and of those of other pages with the same queue. */
  onResult?: (result: Result) => void;
  /** What went wrong meanwhile. Nothing is lost: it is tried again. */
  onError?: (error: Error) => void;
  /** Names the queue in IndexedDB: two systems on one page have two. */
  name?: string;
  /** Where reports wait: IndexedDB in a browser, in Node the file that this names, else memory. */
  file?: string;
  /** A place of this client's own. */
  store?: Store;
  /** Where there is no WebSocket (Node before 22): that of the package ws. */
  WebSocket?: WebSocketLike;
}
