/** Runs every command of docs/partners.md in order against the real program. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Server } from './server';

const run = promisify(execFile);
const text = await readFile(new URL('../docs/partners.md', import.meta.url), 'utf8');
const blocks = [...text.matchAll(/```([^\n]*)\n([\s\S]*?)```/g)].map(([, kind, body]) => ({ kind: kind!, body: body! }));
const ticketToken = /^TKN-[0-9A-Z]{6}-[0-9A-Z]{5}$/;
let server: Server;
let workDir: string;
const env: Record<string, string> = { ...(process.env as Record<string, string>) };

beforeAll(async () => {
  server = await Server.start();
  workDir = await mkdtemp(join(tmpdir(), 'buoy-partners-'));
  const admin = await server.token();
  const result = await server.ask(
    'mutation C($input: CreateTicketInput!) { createTicket(input: $input) { ticket { id token } } }',
    { input: { title: 'guide', description: 'guide' } },
    admin,
  );
  const { id, token } = result.createTicket.ticket;
  await server.ask('mutation A($input: AcceptTicketInput!) { acceptTicket(input: $input) { userErrors { code } } }', { input: { ticketId: id } }, admin);
  Object.assign(env, {
    BUOY: server.address,
    ADMIN: admin,
    TOKEN: token,
    SECRET: `whsec_${Buffer.from('the secret of the guide').toString('base64')}`,
    QUEUE: join(workDir, 'queue'),
    SDK: new URL('../web/dist/sdk/buoy.mjs', import.meta.url).href,
  });
});
afterAll(() => server.stop());

/** Runs a code block and returns what it prints. */
async function runBlock(kind: string, body: string): Promise<string> {
  const file = (name: string) => join(workDir, name);
  const options = { env, cwd: workDir };
  switch (kind) {
    case 'sh':
      return (await run('bash', ['-euc', body], options)).stdout;
    case 'python':
      await writeFile(file('guide.py'), body);
      return (await run('python3', [file('guide.py')], options)).stdout;
    case 'java':
      await writeFile(file('Report.java'), body);
      return (await run('java', [file('Report.java')], options)).stdout;
    case 'js':
      await writeFile(file('guide.mjs'), body);
      return (await run('node', [file('guide.mjs')], options)).stdout;
    default:
      throw new Error(`nothing runs ${kind}`);
  }
}

it('every command of the guide runs and succeeds', async () => {
  const ranKinds: string[] = [];
  for (const { kind, body } of blocks.filter(({ kind }) => ['sh', 'python', 'java', 'js'].includes(kind))) {
    const output = (await runBlock(kind, body)).trim();
    ranKinds.push(kind);
    if (output === 'not genuine') continue;
    const printed = JSON.parse(output);
    expect(printed.errors, body).toBeUndefined();
    const data = printed.data ?? printed;
    for (const payload of Object.values<any>(printed.data ?? {})) expect(payload.userErrors ?? [], body).toEqual([]);
    const results = data.results ?? data.reportStatuses?.results ?? (data.outcome ? [data] : []);
    for (const { outcome } of results) expect(['APPLIED', 'AGREED', 'STALE']).toContain(outcome);
    if (data.registerSystem) Object.assign(env, { KEY: data.registerSystem.apiKey, WEBHOOK_SECRET: data.registerSystem.webhookSecret });
    if (data.createTicket) expect(data.createTicket.token).toMatch(ticketToken);
    if (body.includes('/intake/api')) expect(printed.ticket).toMatch(ticketToken);
    if (data.panorama) expect(data.panorama.systems[0]).toMatchObject({ system: 'ERP_NO_GUIDE', agrees: true });
  }
  expect(ranKinds).toEqual(['sh', 'sh', 'sh', 'sh', 'python', 'java', 'js', 'python', 'sh', 'sh', 'sh', 'python']);
});

it('the server accepts every status map of the guide', async () => {
  const maps = blocks.filter(({ kind }) => kind === 'json statusMap');
  expect(maps).toHaveLength(4);
  for (const [index, { body }] of maps.entries()) {
    const result = await server.ask(
      'mutation R($input: RegisterSystemInput!) { registerSystem(input: $input) { system { statusMap { word } } userErrors { message } } }',
      { input: { key: `MAP-${index}`, statusMap: JSON.parse(body) } },
      env['ADMIN'],
    );
    expect(result.registerSystem.userErrors).toEqual([]);
    expect(result.registerSystem.system.statusMap).toHaveLength(JSON.parse(body).length);
  }
});
