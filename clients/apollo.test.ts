/** Apollo Client: sign-in, queries, mutations, subscriptions, and resuming a subscription after the server is killed. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { ADMIN_CREDENTIALS, BOARD_SUBSCRIPTION, EventRecorder, Server, SIGN_IN_MUTATION, type BoardEvent } from './server';

let server: Server;
let token: string;
let client: ApolloClient;
beforeAll(async () => {
  server = await Server.start();
  const anonymousClient = new ApolloClient({ link: new HttpLink({ uri: server.graphql }), cache: new InMemoryCache() });
  const session = await anonymousClient.mutate<any>({ mutation: gql(SIGN_IN_MUTATION), variables: ADMIN_CREDENTIALS });
  anonymousClient.stop();
  token = session.data.signIn.accessToken;
  const http = new HttpLink({ uri: server.graphql, headers: { authorization: `Bearer ${token}` } });
  const socket = createClient({
    url: server.socket,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
  });
  const isSubscription = ({ operationType }: ApolloLink.Operation) => operationType === 'subscription';
  client = new ApolloClient({ link: ApolloLink.split(isSubscription, new GraphQLWsLink(socket), http), cache: new InMemoryCache() });
});
afterAll(async () => {
  client.stop();
  await server.stop();
});

it('pages through tickets, and a repeated idempotency key creates one ticket', async () => {
  const page = gql`query Page($after: String) { tickets(first: 5, after: $after) { nodes { id number title } pageInfo { endCursor hasNextPage } } }`;
  const first = await client.query<any>({ query: page });
  const second = await client.query<any>({ query: page, variables: { after: first.data.tickets.pageInfo.endCursor } });
  const ids = [...first.data.tickets.nodes, ...second.data.tickets.nodes].map(({ id }) => id);
  expect(new Set(ids).size).toBe(10);
  const mutation = gql`mutation C($input: CreateTicketInput!) { createTicket(input: $input) { ticket { number } userErrors { code } } }`;
  const input = { title: '泵站停机', description: 'once', idempotencyKey: 'apollo-1' };
  const created = await client.mutate<any>({ mutation, variables: { input } });
  const repeated = await client.mutate<any>({ mutation, variables: { input } });
  expect(repeated.data).toEqual(created.data);
});

it('receives board events, and resumes after the last cursor when the server was killed', async () => {
  const events = new EventRecorder<BoardEvent>();
  const subscribeAfter = (after: string | null) =>
    client.subscribe<any>({ query: gql(BOARD_SUBSCRIPTION), variables: { after }, fetchPolicy: 'no-cache' }).subscribe({
      next: ({ data }) => events.push(data.boardEvents),
      error: () => {},
    });
  const { boardCursor } = await server.ask('{ boardCursor }', {}, token);
  const subscription = subscribeAfter(boardCursor);
  const firstNumber = await server.create(token, 'apollo one');
  const { cursor } = await events.until(({ ticket }) => ticket?.number === firstNumber);
  subscription.unsubscribe();
  const secondNumber = await server.create(token, 'apollo two');
  await server.crash();
  const resumedSubscription = subscribeAfter(cursor);
  const thirdNumber = await server.create(token, 'apollo three');
  await events.until(({ ticket }) => ticket?.number === thirdNumber);
  resumedSubscription.unsubscribe();
  expect(events.all.map(({ ticket }) => ticket?.number)).toEqual([firstNumber, secondNumber, thirdNumber]);
});
