/** Checks every example in docs/clients/: documents validate, queries and mutations run, subscriptions receive an event. */
import { readdir, readFile } from 'node:fs/promises';
import { buildSchema, getOperationAST, parse, validate, type GraphQLSchema } from 'graphql';
import { createClient, type Client } from 'graphql-ws';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import WebSocket from 'ws';
import { Server } from './server';

const docs = new URL('../docs/clients/', import.meta.url);
const pages = (await readdir(docs)).filter((name) => name.endsWith('.md'));
let server: Server;
let schema: GraphQLSchema;
/** Values that replace `"$name"` in the variables of an example. */
const placeholderValues: Record<string, string> = {};
let token: string;
let sockets: Client;
beforeAll(async () => {
  schema = buildSchema(await readFile(new URL('../schema.graphql', import.meta.url), 'utf8'));
  server = await Server.start();
  token = await server.token('agent1');
  sockets = createClient({
    url: server.socket,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
  });
  const signIn = 'mutation S($input: SignInInput!) { signIn(input: $input) { refreshToken } }';
  const session = await server.ask(signIn, { input: { email: 'agent1@demo.test', password: 'buoy-demo' } });
  placeholderValues['refresh'] = session.signIn.refreshToken;
  const { viewer } = await server.ask('{ viewer { id } }', {}, token);
  placeholderValues['viewer'] = viewer.id;
  // The subscriptions start at this cursor, so the ticket created below is their first event.
  placeholderValues['cursor'] = (await server.ask('{ boardCursor }', {}, token)).boardCursor;
  const create = 'mutation C($input: CreateTicketInput!) { createTicket(input: $input) { ticket { id token } } }';
  const { createTicket } = await server.ask(create, { input: { title: 'E-721', description: 'docs' } }, token);
  placeholderValues['assigned'] = createTicket.ticket.id;
  placeholderValues['token'] = createTicket.ticket.token;
});
afterAll(async () => {
  await sockets.dispose();
  await server.stop();
});

it.each(pages)('every example in %s is valid and runs', async (name) => {
  const text = await readFile(new URL(name, docs), 'utf8');
  const blocks = [...text.matchAll(/```(graphql|json)\n([\s\S]*?)```/g)].map(([, kind, body]) => ({ kind, body: body! }));
  expect(blocks.length).toBeGreaterThan(2);
  for (const [index, { kind, body }] of blocks.entries()) {
    if (kind !== 'graphql') continue;
    const document = parse(body);
    expect(validate(schema, document), body).toEqual([]);
    if (getOperationAST(document)?.operation === 'subscription') {
      const { value } = await sockets.iterate({ query: body, variables: { id: placeholderValues['assigned'], after: placeholderValues['cursor'] } }).next();
      expect(value.errors, body).toBeUndefined();
      expect(Object.values<any>(value.data)[0].kind, body).toBe('TICKET_CREATED');
      continue;
    }
    const variablesJson = blocks[index + 1]?.kind === 'json' ? blocks[index + 1]!.body : '{}';
    const variables = JSON.parse(variablesJson.replace(/"\$(\w+)"/g, (_, placeholder: string) => JSON.stringify(placeholderValues[placeholder])));
    // Retries while a list is empty, because the search index follows the event log with a short delay.
    const runUntilFilled = async () => {
      const data = await server.ask(body, variables, token);
      for (const payload of Object.values<any>(data)) expect(payload?.nodes, body).not.toEqual([]);
      return data;
    };
    const data = await vi.waitFor(runUntilFilled, { timeout: 20_000 });
    for (const payload of Object.values<any>(data)) expect(payload?.userErrors ?? [], body).toEqual([]);
  }
});
