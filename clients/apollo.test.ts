/** Apollo Client, with its cache, over HTTP and graphql-ws. */
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { SetContextLink } from '@apollo/client/link/context';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { OperationTypeNode } from 'graphql';
import type { Server } from './server';
import { BOARD, CREATE, CURSOR, SIGN_IN, TICKETS, socketOf, walk, type BoardEvent, type Created, type Ear, type Page } from './walk';

function apollo(server: Server) {
  let token = '';
  const socket = socketOf(server, () => token);
  const signed = new SetContextLink(() => (token ? { headers: { authorization: `Bearer ${token}` } } : {}));
  const client = new ApolloClient({
    cache: new InMemoryCache(),
    link: ApolloLink.split(
      ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
      new GraphQLWsLink(socket.client),
      signed.concat(new HttpLink({ uri: server.graphql })),
    ),
  });
  return {
    signIn: async (email: string, password: string) => {
      const { data } = await client.mutate<{ signIn: { accessToken: string } }>({
        mutation: gql(SIGN_IN),
        variables: { input: { email, password } },
      });
      token = data!.signIn.accessToken;
    },
    cursor: async () => {
      const { data } = await client.query<{ boardCursor: string }>({ query: gql(CURSOR), fetchPolicy: 'network-only' });
      return data!.boardCursor;
    },
    tickets: async (first: number, after?: string) => {
      const { data } = await client.query<{ tickets: Page }>({ query: gql(TICKETS), variables: { first, after } });
      return data!.tickets;
    },
    create: async (input: Record<string, string>) => {
      const { data } = await client.mutate<{ createTicket: Created }>({ mutation: gql(CREATE), variables: { input } });
      return data!.createTicket;
    },
    follow: (after: string, ear: Ear) => {
      client.subscribe<{ boardEvents: BoardEvent }>({ query: gql(BOARD), variables: { after } }).subscribe({
        // Apollo 4 hands a broken wire over as a result.
        next: ({ data, error }) => (error ? ear.ended() : ear.event(data!.boardEvents)),
        error: ear.ended,
      });
    },
    cut: socket.cut,
  };
}

walk('Apollo Client', apollo);
