/** urql over HTTP and graphql-ws. */
import { Client, fetchExchange, subscriptionExchange } from '@urql/core';
import type { Server } from './server';
import { BOARD, CREATE, CURSOR, SIGN_IN, TICKETS, socketOf, walk, type BoardEvent, type Created, type Ear, type Page } from './walk';

function urql(server: Server) {
  let token = '';
  const socket = socketOf(server, () => token);
  const client = new Client({
    url: server.graphql,
    preferGetMethod: false,
    fetchOptions: () => ({ headers: token ? { authorization: `Bearer ${token}` } : {} }),
    exchanges: [
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: (request) => ({
          subscribe: (sink) => ({
            unsubscribe: socket.client.subscribe({ ...request, query: request.query ?? '' }, sink),
          }),
        }),
      }),
    ],
  });
  return {
    signIn: async (email: string, password: string) => {
      const { data } = await client.mutation<{ signIn: { accessToken: string } }>(SIGN_IN, { input: { email, password } });
      token = data!.signIn.accessToken;
    },
    cursor: async () => (await client.query<{ boardCursor: string }>(CURSOR, {})).data!.boardCursor,
    tickets: async (first: number, after?: string) =>
      (await client.query<{ tickets: Page }>(TICKETS, { first, after })).data!.tickets,
    create: async (input: Record<string, string>) =>
      (await client.mutation<{ createTicket: Created }>(CREATE, { input })).data!.createTicket,
    follow: (after: string, ear: Ear) => {
      const { unsubscribe } = client.subscription<{ boardEvents: BoardEvent }>(BOARD, { after }).subscribe(({ data, error }) => {
        if (data) return ear.event(data.boardEvents);
        if (!error) return;
        unsubscribe();
        ear.ended();
      });
    },
    cut: socket.cut,
  };
}

walk('urql', urql);
