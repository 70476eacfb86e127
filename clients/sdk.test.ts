/** The partners' SDK in Node, as it is served: through a killed server, a cut network and a killed client. */
import { fork } from 'node:child_process';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { createServer, connect, type AddressInfo, type Server as Net } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import WebSocket from 'ws';
import { Heard, Server } from './server';

const SDK = new URL('../web/dist/sdk/buoy.mjs', import.meta.url).href;
const BYTES_MAX = 23_000;
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
  while ((await client.pending()) > 0) await client.flush();
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
  for (const name of ['buoy.js', 'buoy.mjs']) {
    const served = await fetch(`${server.address}/sdk/${name}`);
    expect(served.status, name).toBe(200);
    expect(served.headers.get('access-control-allow-origin')).toBe('*');
    expect((await served.arrayBuffer()).byteLength, name).toBeLessThanOrEqual(BYTES_MAX);
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
  const flushing = client.flush();
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
  expect(await stranger.pending()).toBe(1);
  stranger.close();
});
