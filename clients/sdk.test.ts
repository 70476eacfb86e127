/** The partners' SDK in Node, as it is served: through a killed server, a cut network and a killed client. */
import { fork } from 'node:child_process';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { createServer, connect, type AddressInfo, type Server as Net } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import WebSocket from 'ws';
import { Heard, Server } from './server';

const SDK = new URL('../web/dist/sdk/buoy.mjs', import.meta.url).href;
const BYTES_MAX = { 'buoy.js': 8_000, 'buoy.mjs': 23_000 };
const WORDS = { 已下发: 'ASSIGNED', 处理中: 'IN_PROGRESS', 待确认: 'WAITING', 已取消: 'CANCELLED' };

interface Correction { uuid: string; status: string; word: string | null; causeId: string }
const { Buoy, Memory } = await import(SDK);

let server: Server;
let folder: string;
let admin: string;
beforeAll(async () => {
  server = await Server.start();
  admin = await server.token();
  folder = await mkdtemp(join(tmpdir(), 'buoy-sdk-'));
});
afterAll(() => server.stop());

const payload = (name: string, input: string, fields: string) =>
  `mutation M($input: ${input}!) { ${name}(input: $input) { ${fields} userErrors { code message } } }`;

async function register(key: string): Promise<string> {
  const statusMap = Object.entries(WORDS).map(([word, status]) => ({ word, status }));
  const made = await server.ask(payload('registerSystem', 'RegisterSystemInput', 'apiKey'), { input: { key, statusMap } }, admin);
  return made.registerSystem.apiKey;
}

/** A ticket that somebody has, linked to systems. */
async function ticket(...systems: string[]): Promise<string> {
  const externalRefs = systems.map((system) => ({ system, externalId: crypto.randomUUID() }));
  const input = { title: 'SDK', description: 'SDK', externalRefs };
  const made = await server.ask(payload('createTicket', 'CreateTicketInput', 'ticket { id token }'), { input }, admin);
  const { id, token } = made.createTicket.ticket;
  await server.ask(payload('acceptTicket', 'AcceptTicketInput', '__typename'), { input: { ticketId: id } }, admin);
  return token;
}

async function history(token: string): Promise<{ eventId: string; timestamp: string }[]> {
  const query = 'query Q($r: String!) { panorama(reference: $r) { history(first: 200) { eventId timestamp } } }';
  return (await server.ask(query, { r: token }, admin)).panorama.history;
}

/** Resolves when nothing waits any more; the test's own time-out is the deadline. */
async function drained(client: { pending(): Promise<number>; flush(): Promise<void> }): Promise<void> {
  while ((await client.pending()) > 0) await client.flush().catch(() => {});
}

/** A network that can be cut, at once and in the middle of what it carries. */
class Line {
  private sockets = new Set<{ destroy(): void }>();
  private constructor(private readonly net: Net, private cuts: boolean[]) {}

  static async to(address: string): Promise<[Line, string]> {
    const { port } = new URL(address);
    const cuts = [false];
    const line = new Line(createServer(), cuts);
    line.net.on('connection', (near) => {
      if (cuts[0]) return void near.destroy();
      const far = connect(Number(port), '127.0.0.1');
      for (const socket of [near, far]) {
        line.sockets.add(socket);
        socket.on('error', () => {}).on('close', () => (near.destroy(), far.destroy()));
      }
      near.pipe(far).pipe(near);
    });
    await new Promise<void>((done) => line.net.listen(0, '127.0.0.1', done));
    return [line, `http://127.0.0.1:${(line.net.address() as AddressInfo).port}`];
  }

  cut(): void {
    this.cuts[0] = true;
    for (const socket of this.sockets) socket.destroy();
    this.sockets.clear();
  }

  mend(): void {
    this.cuts[0] = false;
  }

  close(): void {
    this.cut();
    this.net.close();
  }
}

it('is small, and brings its types', async () => {
  for (const [name, bytes] of Object.entries(BYTES_MAX)) {
    const served = await fetch(`${server.address}/sdk/${name}`);
    expect(served.status, name).toBe(200);
    expect(served.headers.get('access-control-allow-origin')).toBe('*');
    expect((await served.arrayBuffer()).byteLength, name).toBeLessThanOrEqual(bytes);
  }
  const types = await fetch(`${server.address}/sdk/types/index.d.ts`);
  expect(await types.text()).toContain('class Buoy');
});

it('loses nothing and says nothing twice, through a killed server and a cut network', async () => {
  const [apiKey, token] = [await register('NODE-1'), await ticket()];
  const [line, url] = await Line.to(server.address);
  const results: { eventId: string; outcome: string }[] = [];
  const client = new Buoy({ url, apiKey, operator: '王工', file: join(folder, 'one'), onResult: (result: never) => results.push(result) });
  const said = async (from: number, to: number) => {
    const reports = Array.from({ length: to - from }, (_, i) => ({
      uuid: token,
      status: (from + i) % 2 ? '处理中' : '待确认',
      at: Date.now() - 60_000 + (from + i),
      eventId: `n-${from + i}`,
    }));
    await client.queue(reports);
  };
  await said(0, 40);
  line.cut();
  await said(40, 80);
  await server.crash(async () => {
    line.mend();
    await said(80, 120);
  });
  // Cut in the middle of the answer: taken, and not known to be.
  const flushing = client.flush().catch(() => {});
  line.cut();
  await flushing;
  line.mend();
  await drained(client);
  const kept = await history(token);
  expect(kept.map(({ eventId }) => eventId).sort()).toEqual(Array.from({ length: 120 }, (_, i) => `n-${i}`).sort());
  expect(results.length).toBe(120);
  expect(results.every(({ outcome }) => outcome !== 'REFUSED')).toBe(true);
  client.close();
  line.close();
});

it('goes on where a killed process was', async () => {
  const [apiKey, token, file] = [await register('NODE-2'), await ticket(), join(folder, 'two')];
  const script = join(folder, 'partner.mjs');
  // Nobody listens at the address that it is given first.
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
  // The end of a line that was being written.
  await writeFile(file, `${await readFile(file, 'utf8')}{"add":[{"id":"torn`);
  const client = new Buoy({ url: server.address, apiKey, operator: '李工', file });
  await drained(client);
  expect((await history(token)).length).toBe(30);
  client.close();
  const again = new Buoy({ url: server.address, apiKey, operator: '李工', file });
  expect(await again.pending()).toBe(0);
  again.close();
});

it('takes each correction once, acknowledges it, and resumes after a restart', async () => {
  const [erpKey, crmKey] = [await register('ERP-S'), await register('CRM-S')];
  const first = await ticket('ERP-S', 'CRM-S');
  const heard = new Heard<Correction>();
  const options = {
    url: server.address,
    apiKey: erpKey,
    operator: 'ERP',
    file: join(folder, 'erp'),
    WebSocket,
    onCorrection: (correction: Correction) => heard.push(correction),
  };
  const erp = new Buoy(options);
  const crm = new Buoy({ url: server.address, apiKey: crmKey, operator: 'CRM', store: new Memory() });
  expect((await crm.report({ uuid: first, status: '待确认' })).outcome).toBe('APPLIED');
  expect(await heard.until(({ uuid, status }) => uuid === first && status === 'WAITING')).toMatchObject({ word: '待确认' });
  const second = await ticket('ERP-S', 'CRM-S');
  await server.crash();
  await crm.report({ uuid: second, status: '待确认' });
  await heard.until(({ uuid, status }) => uuid === second && status === 'WAITING');
  erp.close();
  // While the client was away; then a new one of the same file.
  const third = await ticket('ERP-S', 'CRM-S');
  await crm.report({ uuid: third, status: '已取消' });
  const again = new Buoy(options);
  await heard.until(({ uuid, status }) => uuid === third && status === 'CANCELLED');
  const ids = heard.all.map(({ causeId }) => causeId);
  expect(new Set(ids).size, 'nothing comes twice').toBe(ids.length);
  await drained(again);
  const query = 'query Q($r: String!) { panorama(reference: $r) { systems { system status agrees acknowledged } } }';
  for (const token of [first, second, third]) {
    const { systems } = (await server.ask(query, { r: token }, admin)).panorama;
    expect(systems.find(({ system }: { system: string }) => system === 'ERP-S')).toMatchObject({ agrees: true, acknowledged: true });
  }
  again.close();
  crm.close();
});

it('takes a correction again that its handler threw at, before what lies behind it', async () => {
  const [erpKey, crmKey] = [await register('ERP-T'), await register('CRM-T')];
  const tickets = [await ticket('ERP-T', 'CRM-T'), await ticket('ERP-T', 'CRM-T')];
  const heard = new Heard<Correction>();
  let thrown: string | undefined;
  const erp = new Buoy({
    url: server.address,
    apiKey: erpKey,
    store: new Memory(),
    WebSocket,
    onCorrection: (correction: Correction) => {
      if (!thrown && correction.status === 'WAITING') {
        thrown = correction.uuid;
        throw new Error('the disk is full');
      }
      heard.push(correction);
    },
  });
  for (const token of tickets) await heard.until(({ uuid }) => uuid === token);
  const crm = new Buoy({ url: server.address, apiKey: crmKey, operator: 'CRM', store: new Memory() });
  await crm.reportAll(tickets.map((uuid) => ({ uuid, status: '待确认' })));
  for (const token of tickets) await heard.until(({ uuid, status }) => uuid === token && status === 'WAITING');
  const waiting = heard.all.filter(({ status }) => status === 'WAITING').map(({ uuid }) => uuid);
  expect(waiting).toEqual([thrown, tickets.find((token) => token !== thrown)]);
  erp.close();
  crm.close();
});

it('takes all that waits, although its second page fails and others come meanwhile', async () => {
  const [erpKey, crmKey] = [await register('ERP-P'), await register('CRM-P')];
  const tickets: string[] = [];
  while (tickets.length < 102) tickets.push(await ticket('ERP-P', 'CRM-P'));
  const crm = new Buoy({ url: server.address, apiKey: crmKey, operator: 'CRM', store: new Memory() });
  const sockets = createClient({ url: server.socket, webSocketImpl: WebSocket, connectionParams: { authorization: `Bearer ${erpKey}` } });
  const live = 'subscription S($after: String) { corrections(after: $after) { uuid } }';
  const { boardCursor: after } = await server.ask('{ boardCursor }', {}, erpKey);
  const heard = new Heard<Correction>();
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
      heard.push(correction);
    },
  });
  for (const token of tickets) await heard.until(({ uuid }) => uuid === token);
  await heard.until(({ uuid, status }) => uuid === tickets[0] && status === 'WAITING');
  await sockets.dispose();
  erp.close();
  crm.close();
});

it('refuses at once what makes no sense, and nothing holds up what stands behind it', async () => {
  const [apiKey, uuid] = [await register('NODE-4'), await ticket()];
  const client = new Buoy({ url: server.address, apiKey, operator: '王工', store: new Memory() });
  const wrong = { uuid, status: '处理中' };
  await expect(client.report({ ...wrong, at: new Date('yesterday') })).rejects.toMatchObject({ code: 'INVALID', message: expect.stringMatching(/^at /) });
  await expect(client.queue([wrong, { ...wrong, status: 5 }])).rejects.toMatchObject({ code: 'REQUIRED', message: expect.stringMatching(/^status /) });
  await expect(client.report({ ...wrong, operator: ' ' })).rejects.toThrow(/^operator /);
  await expect(client.report({ ...wrong, eventId: '' })).rejects.toThrow(/^eventId /);
  expect(await client.pending()).toBe(0);
  // Half a character is no JSON: Buoy refuses all that comes with it.
  const results = await client.reportAll(['处理中', '\ud800', '待确认'].map((status, i) => ({ uuid, status, eventId: `r-${i}` })));
  expect(results[1]).toMatchObject({ uuid, eventId: 'r-1', outcome: 'REFUSED', code: 'BAD_USER_INPUT', truth: null });
  expect((await history(uuid)).map(({ eventId }) => eventId).sort()).toEqual(['r-0', 'r-2']);
  expect(await client.pending()).toBe(0);
  client.close();
});

it('answers everybody who reports the same event', async () => {
  const [apiKey, uuid] = [await register('NODE-5'), await ticket()];
  const client = new Buoy({ url: server.address, apiKey, operator: '王工', store: new Memory() });
  const same = () => client.report({ uuid, status: '处理中', eventId: 'same' });
  for (const { eventId } of await Promise.all([same(), same()])) expect(eventId).toBe('same');
  expect((await history(uuid)).length).toBe(1);
  client.close();
});

it('loses nothing that it noted before its clock was set right', async () => {
  const [apiKey, uuid] = [await register('NODE-6'), await ticket()];
  const [line, url] = await Line.to(server.address);
  const ahead = { toFake: ['Date'] as 'Date'[], now: Date.now() + 20 * 60_000 };
  const known = new Buoy({ url: server.address, apiKey, operator: '王工', store: new Memory() });
  vi.useFakeTimers(ahead);
  await known.report({ uuid, status: '处理中', eventId: 'c-0' });
  line.cut();
  const client = new Buoy({ url, apiKey, operator: '王工', store: new Memory() });
  await client.queue(['待确认', '处理中', '待确认'].map((status, i) => ({ uuid, status, eventId: `c-${i + 1}` })));
  vi.useRealTimers();
  await known.report({ uuid, status: '处理中', eventId: 'c-4' });
  line.mend();
  await drained(client);
  const times = new Map((await history(uuid)).map(({ eventId, timestamp }) => [eventId, Date.parse(timestamp)]));
  expect(times.size).toBe(5);
  for (const time of times.values()) expect(Math.abs(time - Date.now())).toBeLessThan(60_000);
  const order = [1, 2, 3].map((i) => times.get(`c-${i}`)!);
  expect(order, 'as they were noted').toEqual([...new Set(order)].sort());
  known.close();
  client.close();
  line.close();
});

it('reports by the right time although its clock is wrong, and says what is in the way', async () => {
  const [apiKey, token] = [await register('NODE-3'), await ticket()];
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 20 * 60_000 });
  const client = new Buoy({ url: server.address, apiKey, operator: '王工', store: new Memory() });
  expect((await client.report({ uuid: token, status: '处理中' })).outcome).not.toBe('REFUSED');
  expect(client.clockOffset).toBeLessThan(-19 * 60_000);
  vi.useRealTimers();
  const [{ timestamp }] = await history(token);
  expect(Math.abs(Date.parse(timestamp) - Date.now())).toBeLessThan(60_000);
  const refused = await client.report({ uuid: 'TKN-8X9F2Q-L4M7X', status: '处理中' });
  expect(refused).toMatchObject({ outcome: 'REFUSED', code: 'TOKEN_INVALID' });
  client.close();
  const errors = new Heard<Error & { code: string }>();
  const stranger = new Buoy({ url: server.address, apiKey: 'buoy_wrong', operator: 'x', store: new Memory(), onError: (error: never) => errors.push(error) });
  await stranger.queue([{ uuid: token, status: '处理中' }]);
  expect((await errors.until(() => true)).code).toBe('UNAUTHENTICATED');
  await expect(stranger.flush()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  expect(await stranger.pending()).toBe(1);
  stranger.close();
});
