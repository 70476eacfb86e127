/** The partners' SDK in Node, as the server serves it: with a killed server, a cut network and a killed client. */
import { fork } from 'node:child_process';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { createServer, connect, type AddressInfo, type Server as Net } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import WebSocket from 'ws';
import { EventRecorder, Server } from './server';

const SDK = new URL('../web/dist/sdk/buoy.mjs', import.meta.url).href;
const BYTES_MAX = { 'buoy.js': 8_000, 'buoy.mjs': 23_000 };
const STATUS_MAP = { 已下发: 'ASSIGNED', 处理中: 'IN_PROGRESS', 待确认: 'WAITING', 已取消: 'CANCELLED' };

interface Correction { uuid: string; status: string; word: string | null; causeId: string }
const { Buoy, Memory } = await import(SDK);

let server: Server;
let workDir: string;
let admin: string;
beforeAll(async () => {
  server = await Server.start();
  admin = await server.token();
  workDir = await mkdtemp(join(tmpdir(), 'buoy-sdk-'));
});
afterAll(() => server.stop());

const payload = (name: string, input: string, fields: string) =>
  `mutation M($input: ${input}!) { ${name}(input: $input) { ${fields} userErrors { code message } } }`;

async function register(key: string): Promise<string> {
  const statusMap = Object.entries(STATUS_MAP).map(([word, status]) => ({ word, status }));
  const result = await server.ask(payload('registerSystem', 'RegisterSystemInput', 'apiKey'), { input: { key, statusMap } }, admin);
  return result.registerSystem.apiKey;
}

/** Creates an accepted ticket that is linked to these systems; returns its token. */
async function ticket(...systems: string[]): Promise<string> {
  const externalRefs = systems.map((system) => ({ system, externalId: crypto.randomUUID() }));
  const input = { title: 'SDK', description: 'SDK', externalRefs };
  const result = await server.ask(payload('createTicket', 'CreateTicketInput', 'ticket { id token }'), { input }, admin);
  const { id, token } = result.createTicket.ticket;
  await server.ask(payload('acceptTicket', 'AcceptTicketInput', '__typename'), { input: { ticketId: id } }, admin);
  return token;
}

async function history(token: string): Promise<{ eventId: string; timestamp: string }[]> {
  const query = 'query Q($r: String!) { panorama(reference: $r) { history(first: 200) { eventId timestamp } } }';
  return (await server.ask(query, { r: token }, admin)).panorama.history;
}

/** Resolves when the queue is empty. The test's time-out is the deadline. */
async function flushAll(client: { pending(): Promise<number>; flush(): Promise<void> }): Promise<void> {
  while ((await client.pending()) > 0) await client.flush().catch(() => {});
}

/** A TCP proxy that can be cut at any moment, also in the middle of a response. */
class Network {
  private sockets = new Set<{ destroy(): void }>();
  private constructor(private readonly net: Net, private isCut: boolean[]) {}

  static async proxyTo(address: string): Promise<[Network, string]> {
    const { port } = new URL(address);
    const isCut = [false];
    const network = new Network(createServer(), isCut);
    network.net.on('connection', (client) => {
      if (isCut[0]) return void client.destroy();
      const upstream = connect(Number(port), '127.0.0.1');
      for (const socket of [client, upstream]) {
        network.sockets.add(socket);
        socket.on('error', () => {}).on('close', () => (client.destroy(), upstream.destroy()));
      }
      client.pipe(upstream).pipe(client);
    });
    await new Promise<void>((done) => network.net.listen(0, '127.0.0.1', done));
    return [network, `http://127.0.0.1:${(network.net.address() as AddressInfo).port}`];
  }

  cut(): void {
    this.isCut[0] = true;
    for (const socket of this.sockets) socket.destroy();
    this.sockets.clear();
  }

  restore(): void {
    this.isCut[0] = false;
  }

  close(): void {
    this.cut();
    this.net.close();
  }
}

it('is served with its types and stays within its size limit', async () => {
  for (const [name, bytes] of Object.entries(BYTES_MAX)) {
    const served = await fetch(`${server.address}/sdk/${name}`);
    expect(served.status, name).toBe(200);
    expect(served.headers.get('access-control-allow-origin')).toBe('*');
    expect((await served.arrayBuffer()).byteLength, name).toBeLessThanOrEqual(bytes);
  }
  const types = await fetch(`${server.address}/sdk/types/index.d.ts`);
  expect(await types.text()).toContain('class Buoy');
});

it('delivers every report exactly once when the server is killed and the network cut', async () => {
  const [apiKey, token] = [await register('NODE-1'), await ticket()];
  const [network, url] = await Network.proxyTo(server.address);
  const results: { eventId: string; outcome: string }[] = [];
  const client = new Buoy({ url, apiKey, operator: '王工', file: join(workDir, 'one'), onResult: (result: never) => results.push(result) });
  const queueReports = async (from: number, to: number) => {
    const reports = Array.from({ length: to - from }, (_, i) => ({
      uuid: token,
      status: (from + i) % 2 ? '处理中' : '待确认',
      at: Date.now() - 60_000 + (from + i),
      eventId: `n-${from + i}`,
    }));
    await client.queue(reports);
  };
  await queueReports(0, 40);
  network.cut();
  await queueReports(40, 80);
  await server.crash(async () => {
    network.restore();
    await queueReports(80, 120);
  });
  // Cut during the response: the server has stored the reports, but the client does not know it.
  const flushing = client.flush().catch(() => {});
  network.cut();
  await flushing;
  network.restore();
  await flushAll(client);
  const reports = await history(token);
  expect(reports.map(({ eventId }) => eventId).sort()).toEqual(Array.from({ length: 120 }, (_, i) => `n-${i}`).sort());
  expect(results.length).toBe(120);
  expect(results.every(({ outcome }) => outcome !== 'REFUSED')).toBe(true);
  client.close();
  network.close();
});

it('sends the queue of a killed process after a restart', async () => {
  const [apiKey, token, file] = [await register('NODE-2'), await ticket(), join(workDir, 'two')];
  const script = join(workDir, 'partner.mjs');
  // Nothing listens at this address, so the reports stay in the queue.
  await writeFile(script, `
    import { Buoy } from '${SDK}';
    const client = new Buoy({ url: 'http://127.0.0.1:9', apiKey: '${apiKey}', operator: '李工', file: ${JSON.stringify(file)} });
    await client.queue(Array.from({ length: 30 }, (_, i) => ({ uuid: '${token}', status: '处理中', eventId: 'k-' + i, at: Date.now() - i * 1000 })));
    process.send('queued');
    setInterval(() => {}, 1000);
  `);
  const child = fork(script);
  await new Promise((done) => child.on('message', done));
  child.kill('SIGKILL');
  // An incomplete last line, as a crash during a write leaves it.
  await writeFile(file, `${await readFile(file, 'utf8')}{"add":[{"id":"torn`);
  const client = new Buoy({ url: server.address, apiKey, operator: '李工', file });
  await flushAll(client);
  expect((await history(token)).length).toBe(30);
  client.close();
  const reopened = new Buoy({ url: server.address, apiKey, operator: '李工', file });
  expect(await reopened.pending()).toBe(0);
  reopened.close();
});

it('handles each correction once, acknowledges it, and resumes after a restart', async () => {
  const [erpKey, crmKey] = [await register('ERP-S'), await register('CRM-S')];
  const first = await ticket('ERP-S', 'CRM-S');
  const corrections = new EventRecorder<Correction>();
  const options = {
    url: server.address,
    apiKey: erpKey,
    operator: 'ERP',
    file: join(workDir, 'erp'),
    WebSocket,
    onCorrection: (correction: Correction) => corrections.push(correction),
  };
  const erp = new Buoy(options);
  const crm = new Buoy({ url: server.address, apiKey: crmKey, operator: 'CRM', store: new Memory() });
  expect((await crm.report({ uuid: first, status: '待确认' })).outcome).toBe('APPLIED');
  expect(await corrections.until(({ uuid, status }) => uuid === first && status === 'WAITING')).toMatchObject({ word: '待确认' });
  const second = await ticket('ERP-S', 'CRM-S');
  await server.crash();
  await crm.report({ uuid: second, status: '待确认' });
  await corrections.until(({ uuid, status }) => uuid === second && status === 'WAITING');
  erp.close();
  // These reports arrive while no client runs; the next client uses the same file.
  const third = await ticket('ERP-S', 'CRM-S');
  await crm.report({ uuid: third, status: '已取消' });
  const reopened = new Buoy(options);
  await corrections.until(({ uuid, status }) => uuid === third && status === 'CANCELLED');
  const ids = corrections.all.map(({ causeId }) => causeId);
  expect(new Set(ids).size, 'no correction is handled twice').toBe(ids.length);
  await flushAll(reopened);
  const query = 'query Q($r: String!) { panorama(reference: $r) { systems { system status agrees acknowledged } } }';
  for (const token of [first, second, third]) {
    const { systems } = (await server.ask(query, { r: token }, admin)).panorama;
    expect(systems.find(({ system }: { system: string }) => system === 'ERP-S')).toMatchObject({ agrees: true, acknowledged: true });
  }
  reopened.close();
  crm.close();
});

it('repeats a correction whose handler threw, before the later ones', async () => {
  const [erpKey, crmKey] = [await register('ERP-T'), await register('CRM-T')];
  const tickets = [await ticket('ERP-T', 'CRM-T'), await ticket('ERP-T', 'CRM-T')];
  const corrections = new EventRecorder<Correction>();
  let failedUuid: string | undefined;
  const erp = new Buoy({
    url: server.address,
    apiKey: erpKey,
    store: new Memory(),
    WebSocket,
    onCorrection: (correction: Correction) => {
      if (!failedUuid && correction.status === 'WAITING') {
        failedUuid = correction.uuid;
        throw new Error('the disk is full');
      }
      corrections.push(correction);
    },
  });
  for (const token of tickets) await corrections.until(({ uuid }) => uuid === token);
  const crm = new Buoy({ url: server.address, apiKey: crmKey, operator: 'CRM', store: new Memory() });
  await crm.reportAll(tickets.map((uuid) => ({ uuid, status: '待确认' })));
  for (const token of tickets) await corrections.until(({ uuid, status }) => uuid === token && status === 'WAITING');
  const waiting = corrections.all.filter(({ status }) => status === 'WAITING').map(({ uuid }) => uuid);
  expect(waiting).toEqual([failedUuid, tickets.find((token) => token !== failedUuid)]);
  erp.close();
  crm.close();
});

it('handles all outstanding corrections when one fails on the second page and new ones arrive', async () => {
  const [erpKey, crmKey] = [await register('ERP-P'), await register('CRM-P')];
  const tickets: string[] = [];
  while (tickets.length < 102) tickets.push(await ticket('ERP-P', 'CRM-P'));
  const crm = new Buoy({ url: server.address, apiKey: crmKey, operator: 'CRM', store: new Memory() });
  const sockets = createClient({ url: server.socket, webSocketImpl: WebSocket, connectionParams: { authorization: `Bearer ${erpKey}` } });
  const live = 'subscription S($after: String) { corrections(after: $after) { uuid } }';
  const { boardCursor: after } = await server.ask('{ boardCursor }', {}, erpKey);
  const corrections = new EventRecorder<Correction>();
  let calls = 0;
  const erp = new Buoy({
    url: server.address,
    apiKey: erpKey,
    store: new Memory(),
    WebSocket,
    onCorrection: async (correction: Correction) => {
      calls += 1;
      if (calls === 1) {
        await crm.report({ uuid: tickets[0], status: '待确认' });
        await sockets.iterate({ query: live, variables: { after } }).next();
      }
      if (calls === 101) throw new Error('the disk is full');
      corrections.push(correction);
    },
  });
  for (const token of tickets) await corrections.until(({ uuid }) => uuid === token);
  await corrections.until(({ uuid, status }) => uuid === tickets[0] && status === 'WAITING');
  await sockets.dispose();
  erp.close();
  crm.close();
});

it('rejects invalid reports at once, and a refused report does not block later ones', async () => {
  const [apiKey, uuid] = [await register('NODE-4'), await ticket()];
  const client = new Buoy({ url: server.address, apiKey, operator: '王工', store: new Memory() });
  const validReport = { uuid, status: '处理中' };
  await expect(client.report({ ...validReport, at: new Date('yesterday') })).rejects.toMatchObject({ code: 'INVALID', message: expect.stringMatching(/^at /) });
  await expect(client.queue([validReport, { ...validReport, status: 5 }])).rejects.toMatchObject({ code: 'REQUIRED', message: expect.stringMatching(/^status /) });
  await expect(client.report({ ...validReport, operator: ' ' })).rejects.toThrow(/^operator /);
  await expect(client.report({ ...validReport, eventId: '' })).rejects.toThrow(/^eventId /);
  expect(await client.pending()).toBe(0);
  // A lone surrogate is not valid JSON text, so Buoy refuses the whole request that contains it.
  const results = await client.reportAll(['处理中', '\ud800', '待确认'].map((status, i) => ({ uuid, status, eventId: `r-${i}` })));
  expect(results[1]).toMatchObject({ uuid, eventId: 'r-1', outcome: 'REFUSED', code: 'BAD_USER_INPUT', truth: null });
  expect((await history(uuid)).map(({ eventId }) => eventId).sort()).toEqual(['r-0', 'r-2']);
  expect(await client.pending()).toBe(0);
  client.close();
});

it('resolves every call that reports the same event', async () => {
  const [apiKey, uuid] = [await register('NODE-5'), await ticket()];
  const client = new Buoy({ url: server.address, apiKey, operator: '王工', store: new Memory() });
  const reportSame = () => client.report({ uuid, status: '处理中', eventId: 'same' });
  for (const { eventId } of await Promise.all([reportSame(), reportSame()])) expect(eventId).toBe('same');
  expect((await history(uuid)).length).toBe(1);
  client.close();
});

it('keeps and orders reports queued before the clock was corrected', async () => {
  const [apiKey, uuid] = [await register('NODE-6'), await ticket()];
  const [network, url] = await Network.proxyTo(server.address);
  const fakeClock = { toFake: ['Date'] as 'Date'[], now: Date.now() + 20 * 60_000 };
  const synchronized = new Buoy({ url: server.address, apiKey, operator: '王工', store: new Memory() });
  vi.useFakeTimers(fakeClock);
  await synchronized.report({ uuid, status: '处理中', eventId: 'c-0' });
  network.cut();
  const client = new Buoy({ url, apiKey, operator: '王工', store: new Memory() });
  await client.queue(['待确认', '处理中', '待确认'].map((status, i) => ({ uuid, status, eventId: `c-${i + 1}` })));
  vi.useRealTimers();
  await synchronized.report({ uuid, status: '处理中', eventId: 'c-4' });
  network.restore();
  await flushAll(client);
  const times = new Map((await history(uuid)).map(({ eventId, timestamp }) => [eventId, Date.parse(timestamp)]));
  expect(times.size).toBe(5);
  for (const time of times.values()) expect(Math.abs(time - Date.now())).toBeLessThan(60_000);
  const order = [1, 2, 3].map((i) => times.get(`c-${i}`)!);
  expect(order, 'in the order in which they were queued').toEqual([...new Set(order)].sort());
  synchronized.close();
  client.close();
  network.close();
});

it('corrects the time of a wrong clock, and reports errors to onError', async () => {
  const [apiKey, token] = [await register('NODE-3'), await ticket()];
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 20 * 60_000 });
  const client = new Buoy({ url: server.address, apiKey, operator: '王工', store: new Memory() });
  expect((await client.report({ uuid: token, status: '处理中' })).outcome).not.toBe('REFUSED');
  expect(client.clockOffset).toBeLessThan(-19 * 60_000);
  vi.useRealTimers();
  const [{ timestamp }] = await history(token);
  expect(Math.abs(Date.parse(timestamp) - Date.now())).toBeLessThan(60_000);
  const refusedResult = await client.report({ uuid: 'TKN-8X9F2Q-L4M7X', status: '处理中' });
  expect(refusedResult).toMatchObject({ outcome: 'REFUSED', code: 'TOKEN_INVALID' });
  client.close();
  const errors = new EventRecorder<Error & { code: string }>();
  const unauthorized = new Buoy({ url: server.address, apiKey: 'buoy_wrong', operator: 'x', store: new Memory(), onError: (error: never) => errors.push(error) });
  await unauthorized.queue([{ uuid: token, status: '处理中' }]);
  expect((await errors.until(() => true)).code).toBe('UNAUTHENTICATED');
  await expect(unauthorized.flush()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  expect(await unauthorized.pending()).toBe(1);
  unauthorized.close();
});
