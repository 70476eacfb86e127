/** urql: the same, with a socket that reconnects by itself and asks for what it missed. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Client, fetchExchange, gql, subscriptionExchange } from '@urql/core';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { ADMIN, BOARD, Heard, Server, SIGN_IN, type BoardEvent } from './server';

let server: Server;
let token: string;
beforeAll(async () => {
  server = await Server.start();
  const guest = new Client({ url: server.graphql, preferGetMethod: false, exchanges: [fetchExchange] });
  token = (await guest.mutation(gql(SIGN_IN), ADMIN).toPromise()).data.signIn.accessToken;
});
afterAll(() => server.stop());

it('queries, changes and hears, through a crash of the server', async () => {
  const socket = createClient({
    url: server.socket,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
    shouldRetry: () => true,
    retryAttempts: 100,
    retryWait: () => new Promise((again) => setTimeout(again, 100)),
  });
  const heard = new Heard<BoardEvent>();
  const { boardCursor } = await server.ask('{ boardCursor }', {}, token);
  const client = new Client({
    url: server.graphql,
    preferGetMethod: false,
    fetchOptions: { headers: { authorization: `Bearer ${token}` } },
    exchanges: [
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: (request) => ({
          subscribe: (sink) => {
            // graphql-ws sends this very object again when it connects anew: with the last cursor heard.
            const payload = { query: request.query ?? '', variables: { ...request.variables } as Record<string, unknown> };
            const stop = socket.subscribe<{ boardEvents: BoardEvent }>(payload, {
              ...sink,
              next: (result) => {
                if (result.data) payload.variables['after'] = result.data.boardEvents.cursor;
                sink.next(result as never);
              },
            });
            return { unsubscribe: stop };
          },
        }),
      }),
    ],
  });
  const listening = client
    .subscription<{ boardEvents: BoardEvent }>(gql(BOARD), { after: boardCursor })
    .subscribe(({ data }) => data && heard.push(data.boardEvents));
  const create = gql`mutation C($input: CreateTicketInput!) { createTicket(input: $input) { ticket { number } userErrors { code } } }`;
  const input = { title: 'urql one', description: '1', idempotencyKey: 'urql-1' };
  const answer = await client.mutation(create, { input }).toPromise();
  const again = await client.mutation(create, { input }).toPromise();
  expect(again.data).toEqual(answer.data);
  const one = answer.data.createTicket.ticket.number;
  await heard.until(({ ticket }) => ticket?.number === one);
  await server.crash();
  const two = await server.create(token, 'urql two');
  const three = await server.create(token, 'urql three');
  await heard.until(({ ticket }) => ticket?.number === three);
  listening.unsubscribe();
  expect(heard.all.map(({ ticket }) => ticket?.number)).toEqual([one, two, three]);
  const found = await client.query(gql`query Q($number: Int!) { ticket(number: $number) { title } }`, { number: two }).toPromise();
  expect(found.data.ticket.title).toBe('urql two');
});
