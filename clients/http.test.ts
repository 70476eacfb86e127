/** GraphQL over HTTP, as the graphql-http project audits it, and what it leaves to a server. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { serverAudits } from 'graphql-http';
import { Server } from './server';

let server: Server;
beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server.stop());

it.each(['nobody', 'admin'])('passes every audit, asked by %s', async (who) => {
  const authorization = who === 'nobody' ? undefined : `Bearer ${await server.token(who)}`;
  const fetchFn = (url: string, init: RequestInit = {}) => {
    const headers = new Headers(init.headers);
    if (authorization) headers.set('authorization', authorization);
    return fetch(url, { ...init, headers });
  };
  const audits = serverAudits({ url: () => server.graphql, fetchFn });
  const failed: string[] = [];
  for (const audit of audits) {
    const result = await audit.fn();
    if (result.status !== 'ok') failed.push(`${audit.name}: ${result.reason}`);
  }
  expect(failed).toEqual([]);
  expect(audits.length).toBeGreaterThan(50);
});

it('takes an empty name of an operation as none', async () => {
  const answer = await fetch(`${server.graphql}?query=${encodeURIComponent('{about{demo}}')}&operationName=`);
  expect(await answer.json()).toEqual({ data: { about: { demo: true } } });
});

const post = (body: string, headers: Record<string, string> = {}) =>
  fetch(server.graphql, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body });

it('refuses what would cost too much before it looks at it', async () => {
  // A kilobyte of fragments that double each other.
  const fragments = Array.from({ length: 24 }, (_, i) => `fragment f${i} on Query { ...f${i + 1} ...f${i + 1} }`);
  const query = `{ ...f0 } ${fragments.join(' ')} fragment f24 on Query { about { demo } }`;
  const answer = await post(JSON.stringify({ query }), { accept: 'application/graphql-response+json' });
  expect(answer.status).toBe(400);
  expect((await answer.json()).errors[0].message).toContain('fields');
});

it.each([
  ['a mutation by GET', () => fetch(`${server.graphql}?query=${encodeURIComponent('mutation M { signOut(input: {}) { userErrors { code } } }')}`), 405],
  ['another method', () => fetch(server.graphql, { method: 'PUT' }), 405],
  ['another type of body', () => fetch(server.graphql, { method: 'POST', body: '{about{demo}}', headers: { 'content-type': 'text/plain' } }), 415],
  ['an answer that is not served', () => post('{"query":"{about{demo}}"}', { accept: 'text/html' }), 406],
  ['a body too large', () => post(JSON.stringify({ query: `{about{demo}} # ${'x'.repeat(300_000)}` })), 413],
  ['no JSON', () => post('{ half'), 400],
] as const)('answers %s with its status', async (_, ask, status) => {
  const answer = await ask();
  expect(answer.status).toBe(status);
  if (status === 405) expect(answer.headers.get('allow')).toContain('POST');
});
