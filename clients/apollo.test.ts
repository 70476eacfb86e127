/** Apollo Client: signing in, queries, mutations, subscriptions, and a resume after the server was killed. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { ADMIN, BOARD, Heard, Server, SIGN_IN, type BoardEvent } from './server';

let server: Server;
let token: string;
let client: ApolloClient;
beforeAll(async () => {
  server = await Server.start();
  const guest = new ApolloClient({ link: new HttpLink({ uri: server.graphql }), cache: new InMemoryCache() });
  const session = await guest.mutate<any>({ mutation: gql(SIGN_IN), variables: ADMIN });
  guest.stop();
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

it('pages through tickets and changes one, once', async () => {
  const page = gql`query Page($after: String) { tickets(first: 5, after: $after) { nodes { id number title } pageInfo { endCursor hasNextPage } } }`;
  const first = await client.query<any>({ query: page });
  const second = await client.query<any>({ query: page, variables: { after: first.data.tickets.pageInfo.endCursor } });
  const ids = [...first.data.tickets.nodes, ...second.data.tickets.nodes].map(({ id }) => id);
  expect(new Set(ids).size).toBe(10);
  const mutation = gql`mutation C($input: CreateTicketInput!) { createTicket(input: $input) { ticket { number } userErrors { code } } }`;
  const input = { title: '泵站停机', description: 'once', idempotencyKey: 'apollo-1' };
  const created = await client.mutate<any>({ mutation, variables: { input } });
  const again = await client.mutate<any>({ mutation, variables: { input } });
  expect(again.data).toEqual(created.data);
});

it('hears the board, and goes on behind the last cursor after a kill -9', async () => {
  const heard = new Heard<BoardEvent>();
  const listen = (after: string | null) =>
    client.subscribe<any>({ query: gql(BOARD), variables: { after }, fetchPolicy: 'no-cache' }).subscribe({
      next: ({ data }) => heard.push(data.boardEvents),
      error: () => {},
    });
  const { boardCursor } = await server.ask('{ boardCursor }', {}, token);
  const listening = listen(boardCursor);
  const one = await server.create(token, 'apollo one');
  const { cursor } = await heard.until(({ ticket }) => ticket?.number === one);
  listening.unsubscribe();
  const two = await server.create(token, 'apollo two');
  await server.crash();
  const resumed = listen(cursor);
  const three = await server.create(token, 'apollo three');
  await heard.until(({ ticket }) => ticket?.number === three);
  resumed.unsubscribe();
  expect(heard.all.map(({ ticket }) => ticket?.number)).toEqual([one, two, three]);
});
