/** A server of its own on demo data, which can be killed and comes back. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PROGRAM = process.env['BUOY_BINARY'] ?? new URL('../target/debug/buoy', import.meta.url).pathname;

export interface Answer {
  data?: any;
  errors?: { message: string; extensions?: { code?: string } }[];
}

async function serve(folder: string, listen: string): Promise<[ChildProcess, string]> {
  const process_ = spawn(PROGRAM, ['serve', '--demo'], {
    env: { ...process.env, BUOY_DATA_DIR: folder, BUOY_LISTEN: listen, BUOY_DATABASE_URL: '', BUOY_LOG: 'warn' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const address = await new Promise<string>((found, failed) => {
    let said = '';
    process_.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      const at = /Buoy is at (http:\S+)/.exec(said)?.[1];
      if (at) found(at);
    });
    process_.on('exit', (code) => failed(new Error(`the server ended with ${String(code)}: ${said}`)));
    process_.on('error', failed);
  });
  return [process_, address];
}

async function ended(process_: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const gone = new Promise((done) => process_.on('exit', done));
  process_.kill(signal);
  await gone;
}

export class Server {
  private constructor(
    readonly address: string,
    private process: ChildProcess,
    private readonly folder: string,
  ) {}

  static async start(): Promise<Server> {
    const folder = await mkdtemp(join(tmpdir(), 'buoy-clients-'));
    const [process_, address] = await serve(folder, '127.0.0.1:0');
    return new Server(address, process_, folder);
  }

  get graphql(): string {
    return `${this.address}/graphql`;
  }

  get socket(): string {
    return this.graphql.replace(/^http/, 'ws');
  }

  /** kill -9, then the same data folder at the same address. */
  async crash(): Promise<void> {
    await ended(this.process, 'SIGKILL');
    [this.process] = await serve(this.folder, this.address.replace('http://', ''));
  }

  async close(): Promise<void> {
    await ended(this.process, 'SIGTERM');
    await rm(this.folder, { recursive: true });
  }

  /** Without any client library: what tests need beside the one that they are about. */
  async ask(query: string, variables: unknown = {}, token?: string): Promise<Answer> {
    const answer = await fetch(this.graphql, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify({ query, variables }),
    });
    return (await answer.json()) as Answer;
  }

  async signIn(login: string): Promise<string> {
    const { data } = await this.ask(
      'mutation SignIn($input: SignInInput!) { signIn(input: $input) { accessToken userErrors { message } } }',
      { input: { email: `${login}@demo.test`, password: 'buoy-demo' } },
    );
    return data.signIn.accessToken as string;
  }
}
