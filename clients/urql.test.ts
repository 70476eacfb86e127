/** urql with a socket that reconnects and asks for the events it missed. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Client, fetchExchange, gql, subscriptionExchange } from '@urql/core';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { ADMIN_CREDENTIALS, BOARD_SUBSCRIPTION, EventRecorder, Server, SIGN_IN_MUTATION, type BoardEvent } from './server';

let server: Server;
let token: string;
beforeAll(async () => {
  server = await Server.start();
  const anonymousClient = new Client({ url: server.graphql, preferGetMethod: false, exchanges: [fetchExchange] });
  token = (await anonymousClient.mutation(gql(SIGN_IN_MUTATION), ADMIN_CREDENTIALS).toPromise()).data.signIn.accessToken;
});
afterAll(() => server.stop());

it('runs queries and mutations, and misses no event when the server crashes', async () => {
  const socket = createClient({
    url: server.socket,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
    shouldRetry: () => true,
    retryAttempts: 100,
    retryWait: () => new Promise((again) => setTimeout(again, 100)),
  });
  const events = new EventRecorder<BoardEvent>();
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
            // graphql-ws sends this same object again when it reconnects, so updating `after` here resumes at the last
            // cursor.
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
  const subscription = client
    .subscription<{ boardEvents: BoardEvent }>(gql(BOARD_SUBSCRIPTION), { after: boardCursor })
    .subscribe(({ data }) => data && events.push(data.boardEvents));
  const create = gql`mutation C($input: CreateTicketInput!) { createTicket(input: $input) { ticket { number } userErrors { code } } }`;
  const input = { title: 'urql one', description: '1', idempotencyKey: 'urql-1' };
  const answer = await client.mutation(create, { input }).toPromise();
  const again = await client.mutation(create, { input }).toPromise();
  expect(again.data).toEqual(answer.data);
  const firstNumber = answer.data.createTicket.ticket.number;
  await events.until(({ ticket }) => ticket?.number === firstNumber);
  await server.crash();
  const secondNumber = await server.create(token, 'urql two');
  const thirdNumber = await server.create(token, 'urql three');
  await events.until(({ ticket }) => ticket?.number === thirdNumber);
  subscription.unsubscribe();
  expect(events.all.map(({ ticket }) => ticket?.number)).toEqual([firstNumber, secondNumber, thirdNumber]);
  const found = await client.query(gql`query Q($number: Int!) { ticket(number: $number) { title } }`, { number: secondNumber }).toPromise();
  expect(found.data.ticket.title).toBe('urql two');
});
