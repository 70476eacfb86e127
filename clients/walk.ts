/**
 * What every client has to do with Buoy: sign in, read, write once however often it asks, and follow a board through
 * a cut wire and a killed server without losing or repeating anything.
 */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { Server } from './server';

export const SIGN_IN = `mutation SignIn($input: SignInInput!) {
  signIn(input: $input) { accessToken userErrors { code message } }
}`;
export const CURSOR = 'query Cursor { boardCursor }';
export const TICKETS = `query Tickets($first: Int!, $after: String) {
  tickets(first: $first, after: $after) { edges { cursor node { id number title } } pageInfo { hasNextPage endCursor } }
}`;
export const CREATE = `mutation Create($input: CreateTicketInput!) {
  createTicket(input: $input) { ticket { id number title } userErrors { code field message } }
}`;
export const BOARD = `subscription Board($after: String) {
  boardEvents(after: $after) { cursor kind ticketId ticket { id number title status } }
}`;

export interface Page {
  edges: { node: { id: string; number: number } }[];
  pageInfo: { hasNextPage: boolean; endCursor: string };
}
export interface Created {
  ticket: { id: string } | null;
  userErrors: { code: string }[];
}
export interface BoardEvent {
  cursor: string;
  kind: string;
  ticketId: string | null;
  ticket: { id: string; title: string } | null;
}
export interface Ear {
  event: (event: BoardEvent) => void;
  /** The wire broke, or the server is gone. */
  ended: () => void;
}

/** A client library at work. */
export interface Client {
  signIn: (email: string, password: string) => Promise<void>;
  cursor: () => Promise<string>;
  tickets: (first: number, after?: string) => Promise<Page>;
  create: (input: Record<string, string>) => Promise<Created>;
  follow: (after: string, ear: Ear) => void;
  /** Breaks the wire under the socket, without a word to either side. */
  cut: () => void;
}

/** The socket that Apollo and urql share. It does not retry by itself: it would ask with the old cursor again. */
export function socketOf(server: Server, token: () => string) {
  let wire: WebSocket | undefined;
  const client = createClient({
    url: server.socket,
    webSocketImpl: WebSocket,
    connectionParams: () => ({ authorization: `Bearer ${token()}` }),
    retryAttempts: 0,
    on: { opened: (opened) => (wire = opened as WebSocket) },
  });
  return { client, cut: () => wire?.terminate() };
}

/** Follows a board and goes on behind what it heard last. */
class Follower {
  readonly events: BoardEvent[] = [];
  private broken = false;

  constructor(
    private readonly client: Client,
    private readonly start: string,
  ) {
    this.goOn();
  }

  goOn(): void {
    this.broken = false;
    this.client.follow(this.events.at(-1)?.cursor ?? this.start, {
      event: (event) => this.events.push(event),
      ended: () => (this.broken = true),
    });
  }

  async ended(): Promise<void> {
    await vi.waitFor(() => expect(this.broken).toBe(true), { timeout: 10_000 });
  }

  async hears(ticket: string): Promise<void> {
    await vi.waitFor(() => expect(this.created()).toContain(ticket), { timeout: 10_000 });
  }

  created(): (string | null)[] {
    return this.events.filter(({ kind }) => kind === 'TICKET_CREATED').map(({ ticketId }) => ticketId);
  }
}

export function walk(name: string, open: (server: Server) => Client): void {
  describe(name, () => {
    let server: Server;
    let client: Client;
    let keys = 0;

    beforeAll(async () => {
      server = await Server.start();
      client = open(server);
      await client.signIn('admin@demo.test', 'buoy-demo');
    });
    afterAll(() => server.close());

    const create = async (): Promise<string> => {
      const title = `${name} ${(keys += 1)}`;
      const { ticket, userErrors } = await client.create({ title, description: 'E-47', idempotencyKey: title });
      expect(userErrors).toEqual([]);
      return ticket?.id ?? '';
    };

    test('reads tickets page by page', async () => {
      const first = await client.tickets(3);
      expect(first.edges).toHaveLength(3);
      expect(first.pageInfo.hasNextPage).toBe(true);
      const second = await client.tickets(3, first.pageInfo.endCursor);
      const ids = [...first.edges, ...second.edges].map(({ node }) => node.id);
      expect(new Set(ids).size).toBe(6);
    });

    test('writes once with one idempotency key', async () => {
      const input = { title: 'once', description: 'E-47', idempotencyKey: `${name} once` };
      const once = await client.create(input);
      const again = await client.create(input);
      expect(again.ticket?.id).toBe(once.ticket?.id);
      const other = await client.create({ ...input, title: 'twice' });
      expect(other.ticket).toBeNull();
      expect(other.userErrors.map(({ code }) => code)).toEqual(['IDEMPOTENCY_MISMATCH']);
    });

    test('follows the board through a cut wire and a killed server', async () => {
      const start = await client.cursor();
      const live = new Follower(client, start);
      const tickets = [await create()];
      await live.hears(tickets[0]!);

      client.cut();
      await live.ended();
      tickets.push(await create(), await create());
      live.goOn();
      await live.hears(tickets[2]!);

      // Acknowledged a moment before the server dies, so heard now or after.
      tickets.push(await create());
      await server.crash();
      await live.ended();
      tickets.push(await create());
      live.goOn();
      await live.hears(tickets[4]!);

      expect(live.created()).toEqual(tickets);
      expect(live.events[0]?.ticket?.title).toBe(`${name} 1`);
      // Heard in three lives of the socket, it is what one reading from the beginning hears.
      const replay = new Follower(client, start);
      await replay.hears(tickets[4]!);
      const cursors = (follower: Follower) => follower.events.map(({ cursor }) => cursor);
      expect(cursors(live)).toEqual(cursors(replay));
      expect(new Set(cursors(live)).size).toBe(live.events.length);
    });
  });
}
