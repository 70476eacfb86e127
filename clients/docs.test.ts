/** What docs/clients/ shows is true: every document is valid, and every query and mutation runs. */
import { readdir, readFile } from 'node:fs/promises';
import { buildSchema, getOperationAST, parse, validate, type GraphQLSchema } from 'graphql';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { Server } from './server';

const docs = new URL('../docs/clients/', import.meta.url);
const pages = (await readdir(docs)).filter((name) => name.endsWith('.md'));
let server: Server;
let schema: GraphQLSchema;
/** What stands for `"$name"` in the variables. */
const named: Record<string, string> = {};
let token: string;
beforeAll(async () => {
  schema = buildSchema(await readFile(new URL('../schema.graphql', import.meta.url), 'utf8'));
  server = await Server.start();
  token = await server.token('agent1');
  const signIn = 'mutation S($input: SignInInput!) { signIn(input: $input) { refreshToken } }';
  const session = await server.ask(signIn, { input: { email: 'agent1@demo.test', password: 'buoy-demo' } });
  named['refresh'] = session.signIn.refreshToken;
  const { viewer } = await server.ask('{ viewer { id } }', {}, token);
  named['viewer'] = viewer.id;
  const create = 'mutation C($input: CreateTicketInput!) { createTicket(input: $input) { ticket { id token } } }';
  const { createTicket } = await server.ask(create, { input: { title: 'E-721', description: 'docs' } }, token);
  named['assigned'] = createTicket.ticket.id;
  named['token'] = createTicket.ticket.token;
});
afterAll(() => server.stop());

it.each(pages)('%s', async (name) => {
  const text = await readFile(new URL(name, docs), 'utf8');
  const blocks = [...text.matchAll(/```(graphql|json)\n([\s\S]*?)```/g)].map(([, kind, body]) => ({ kind, body: body! }));
  expect(blocks.length).toBeGreaterThan(2);
  for (const [place, { kind, body }] of blocks.entries()) {
    if (kind !== 'graphql') continue;
    const document = parse(body);
    expect(validate(schema, document), body).toEqual([]);
    if (getOperationAST(document)?.operation === 'subscription') continue;
    const given = blocks[place + 1]?.kind === 'json' ? blocks[place + 1]!.body : '{}';
    const variables = JSON.parse(given.replace(/"\$(\w+)"/g, (_, of: string) => JSON.stringify(named[of])));
    // Asked again while a list is empty: the search follows the log after a moment.
    const found = async () => {
      const data = await server.ask(body, variables, token);
      for (const payload of Object.values<any>(data)) expect(payload?.nodes, body).not.toEqual([]);
      return data;
    };
    const data = await vi.waitFor(found, { timeout: 20_000 });
    for (const payload of Object.values<any>(data)) expect(payload?.userErrors ?? [], body).toEqual([]);
  }
});
