/** graphql-transport-ws with nothing between the test and the wire. */
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

interface Wire {
  send: (message: unknown) => void;
  next: () => Promise<any>;
  closed: Promise<number>;
}

async function wire(): Promise<Wire> {
  const socket = new WebSocket(server.socket, 'graphql-transport-ws');
  const inbox: unknown[] = [];
  let wake = () => {};
  socket.on('message', (data) => {
    inbox.push(JSON.parse(String(data)));
    wake();
  });
  const closed = new Promise<number>((done) => socket.on('close', done));
  await new Promise((open, failed) => socket.on('open', open).on('error', failed));
  return {
    send: (message) => socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
    next: async () => {
      while (inbox.length === 0) await new Promise<void>((done) => (wake = done));
      return inbox.shift();
    },
    closed,
  };
}

async function admitted(): Promise<Wire> {
  const socket = await wire();
  socket.send({ type: 'connection_init', payload: { Authorization: `Bearer ${token}` } });
  expect(await socket.next()).toMatchObject({ type: 'connection_ack' });
  return socket;
}

const subscribe = (query: string) => ({ type: 'subscribe', id: '1', payload: { query } });

it('closes with the codes of the protocol', async () => {
  const early = await wire();
  early.send(subscribe('{ about { demo } }'));
  expect(await early.closed).toBe(4401);
  const wrong = await wire();
  wrong.send({ type: 'connection_init', payload: { authorization: 'Bearer nonsense' } });
  expect(await wrong.closed).toBe(4403);
  const garbled = await admitted();
  garbled.send('{ half');
  expect(await garbled.closed).toBe(4400);
  const twice = await admitted();
  twice.send({ type: 'connection_init' });
  expect(await twice.closed).toBe(4429);
  const double = await admitted();
  double.send(subscribe('subscription { boardEvents { kind } }'));
  double.send(subscribe('subscription { boardEvents { kind } }'));
  expect(await double.closed).toBe(4409);
  const silent = await wire();
  expect(await silent.closed).toBe(4408);
});

it('echoes a ping, answers queries, and says what is invalid', async () => {
  const socket = await admitted();
  socket.send({ type: 'ping', payload: { n: 7 } });
  expect(await socket.next()).toEqual({ type: 'pong', payload: { n: 7 } });
  socket.send(subscribe('{ viewer { roles } }'));
  expect(await socket.next()).toEqual({ type: 'next', id: '1', payload: { data: { viewer: { roles: ['ADMIN'] } } } });
  expect(await socket.next()).toEqual({ type: 'complete', id: '1' });
  socket.send(subscribe('{ nosuch }'));
  expect(await socket.next()).toMatchObject({ type: 'error', id: '1', payload: [{ message: expect.any(String) }] });
});
