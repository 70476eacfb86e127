/** GraphQL over HTTP: the audits of graphql-http, and the behaviour that the specification leaves to the server. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { serverAudits } from 'graphql-http';
import { Server } from './server';

let server: Server;
beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server.stop());

it.each(['nobody', 'admin'])('passes every graphql-http audit as %s', async (login) => {
  const authorization = login === 'nobody' ? undefined : `Bearer ${await server.token(login)}`;
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

it('treats an empty operationName as missing', async () => {
  const answer = await fetch(`${server.graphql}?query=${encodeURIComponent('{about{demo}}')}&operationName=`);
  expect(await answer.json()).toEqual({ data: { about: { demo: true } } });
});

const post = (body: string, headers: Record<string, string> = {}) =>
  fetch(server.graphql, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body });

it('refuses a query that is too expensive before validating it', async () => {
  // About one kilobyte of fragments; each level spreads the next one twice, so the cost doubles.
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
  ['a media type that is not served', () => post('{"query":"{about{demo}}"}', { accept: 'text/html' }), 406],
  ['a body too large', () => post(JSON.stringify({ query: `{about{demo}} # ${'x'.repeat(300_000)}` })), 413],
  ['invalid JSON', () => post('{ half'), 400],
] as const)('answers %s with the right status code', async (_, sendRequest, status) => {
  const answer = await sendRequest();
  expect(answer.status).toBe(status);
  if (status === 405) expect(answer.headers.get('allow')).toContain('POST');
});
