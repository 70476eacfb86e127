/** Clients without JavaScript: Python's gql and curl. */
import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Server } from './server';

const run = promisify(execFile);
const resolvePath = (path: string) => new URL(path, import.meta.url).pathname;
let server: Server;
beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server.stop());

it('signs in, queries and creates a ticket with curl', async () => {
  const { stdout } = await run('bash', [resolvePath('curl/walk.sh'), server.address]);
  const [found, created] = stdout.trim().split('\n').map((line) => JSON.parse(line).data);
  expect(found.tickets.nodes).toHaveLength(1);
  expect(created.createTicket).toMatchObject({ ticket: { number: expect.any(Number) }, userErrors: [] });
});

it('queries, creates a ticket and receives its event with Python', async () => {
  const python = resolvePath('../target/clients/bin/python');
  await access(python).catch(() => {
    throw new Error('Python’s gql is missing: make test-clients puts it there');
  });
  const { stdout } = await run(python, [resolvePath('python/walk.py'), server.address]);
  expect(stdout.trim()).toBe('heard 来自 Python');
});
