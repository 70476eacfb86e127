/** graphql-transport-ws without a client library. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import WebSocket from 'ws';
import { Server } from './server';

let server: Server;
let token: string;
beforeAll(async () => {
  server = await Server.start();
  token = await server.token();
});
afterAll(() => server.stop());

interface RawSocket {
  send: (message: unknown) => void;
  next: () => Promise<any>;
  closed: Promise<number>;
}

async function openSocket(): Promise<RawSocket> {
  const socket = new WebSocket(server.socket, 'graphql-transport-ws');
  const inbox: unknown[] = [];
  let notify = () => {};
  socket.on('message', (data) => {
    inbox.push(JSON.parse(String(data)));
    notify();
  });
  const closed = new Promise<number>((done) => socket.on('close', done));
  await new Promise((open, reject) => socket.on('open', open).on('error', reject));
  return {
    send: (message) => socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
    next: async () => {
      while (inbox.length === 0) await new Promise<void>((done) => (notify = done));
      return inbox.shift();
    },
    closed,
  };
}

async function openAuthenticated(): Promise<RawSocket> {
  const socket = await openSocket();
  socket.send({ type: 'connection_init', payload: { Authorization: `Bearer ${token}` } });
  expect(await socket.next()).toMatchObject({ type: 'connection_ack' });
  return socket;
}

const subscribe = (query: string) => ({ type: 'subscribe', id: '1', payload: { query } });

it('closes the socket with the codes of the protocol', async () => {
  const beforeInit = await openSocket();
  beforeInit.send(subscribe('{ about { demo } }'));
  expect(await beforeInit.closed).toBe(4401);
  const badToken = await openSocket();
  badToken.send({ type: 'connection_init', payload: { authorization: 'Bearer nonsense' } });
  expect(await badToken.closed).toBe(4403);
  const badJson = await openAuthenticated();
  badJson.send('{ half');
  expect(await badJson.closed).toBe(4400);
  const doubleInit = await openAuthenticated();
  doubleInit.send({ type: 'connection_init' });
  expect(await doubleInit.closed).toBe(4429);
  const duplicateId = await openAuthenticated();
  duplicateId.send(subscribe('subscription { boardEvents { kind } }'));
  duplicateId.send(subscribe('subscription { boardEvents { kind } }'));
  expect(await duplicateId.closed).toBe(4409);
  const noInit = await openSocket();
  expect(await noInit.closed).toBe(4408);
});

it('echoes a ping, answers queries, and reports an invalid query', async () => {
  const socket = await openAuthenticated();
  socket.send({ type: 'ping', payload: { n: 7 } });
  expect(await socket.next()).toEqual({ type: 'pong', payload: { n: 7 } });
  socket.send(subscribe('{ viewer { roles } }'));
  expect(await socket.next()).toEqual({ type: 'next', id: '1', payload: { data: { viewer: { roles: ['ADMIN'] } } } });
  expect(await socket.next()).toEqual({ type: 'complete', id: '1' });
  socket.send(subscribe('{ nosuch }'));
  expect(await socket.next()).toMatchObject({ type: 'error', id: '1', payload: [{ message: expect.any(String) }] });
});
