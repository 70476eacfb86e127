/** The real program on demo data. A test can kill it and start it again on the same data. */
import { spawn, type ChildProcess } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';

const PROGRAM = process.env.BUOY_BINARY ?? new URL('../target/debug/buoy', import.meta.url).pathname;

export class Server {
  private constructor(
    private process: ChildProcess,
    private readonly folder: string,
    readonly address: string,
  ) {}

  static async start(): Promise<Server> {
    const folder = await copyDemoData('buoy-clients-');
    const [process, address] = await startServer(folder, '127.0.0.1:0');
    return new Server(process, folder, address);
  }

  get graphql(): string {
    return `${this.address}/graphql`;
  }

  get socket(): string {
    return this.graphql.replace(/^http/, 'ws');
  }

  /** Kills the server with SIGKILL, runs `whileDown`, and starts it again with the same folder and address. */
  async crash(whileDown: () => Promise<void> = async () => {}): Promise<void> {
    await stopServer(this.process, 'SIGKILL');
    await whileDown();
    [this.process] = await startServer(this.folder, this.address.replace('http://', ''));
  }

  async stop(): Promise<void> {
    await stopServer(this.process, 'SIGTERM');
    await rm(this.folder, { recursive: true });
  }

  /** Runs one operation with plain fetch. */
  async ask(query: string, variables: object = {}, token?: string): Promise<any> {
    const response = await fetch(this.graphql, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = await response.json();
    if (errors) throw new Error(JSON.stringify(errors));
    return data;
  }

  async token(login = 'admin'): Promise<string> {
    const query = 'mutation S($input: SignInInput!) { signIn(input: $input) { accessToken } }';
    const input = { email: `${login}@demo.test`, password: 'buoy-demo' };
    return (await this.ask(query, { input })).signIn.accessToken;
  }

  /** Creates a ticket and returns its number. */
  async create(token: string, title: string): Promise<number> {
    const query = 'mutation C($input: CreateTicketInput!) { createTicket(input: $input) { ticket { number } userErrors { message } } }';
    return (await this.ask(query, { input: { title, description: title } }, token)).createTicket.ticket.number;
  }
}

/** A folder with demo data of its own. */
async function copyDemoData(prefix: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), prefix));
  await cp(inject('demoData'), folder, { recursive: true });
  return folder;
}

export async function startServer(folder: string, listen: string): Promise<[ChildProcess, string]> {
  const server = spawn(PROGRAM, ['serve', '--demo'], {
    env: { ...process.env, BUOY_DATA_DIR: folder, BUOY_LISTEN: listen, BUOY_DATABASE_URL: '', BUOY_DISPATCH__AUTOMATIC: 'false', BUOY_LOG: 'error' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const address = await new Promise<string>((resolve, reject) => {
    let output = '';
    server.stdout!.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      const match = /Buoy is at (http:\S+)/.exec(output)?.[1];
      if (match) resolve(match);
    });
    server.on('exit', (code) => reject(new Error(`the server ended with ${code}: ${output}`)));
    server.on('error', reject);
  });
  return [server, address];
}

export async function stopServer(server: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const exited = new Promise((done) => server.on('exit', done));
  server.kill(signal);
  await exited;
}

/** Records the events of a subscription in order. */
export class EventRecorder<T> {
  readonly all: T[] = [];
  #wakers: (() => void)[] = [];

  push(event: T): void {
    this.all.push(event);
    for (const wake of this.#wakers.splice(0)) wake();
  }

  /** Returns the first matching event. The test's time-out is the deadline. */
  async until(matches: (event: T) => boolean): Promise<T> {
    for (;;) {
      const match = this.all.find(matches);
      if (match) return match;
      await new Promise<void>((wake) => this.#wakers.push(wake));
    }
  }
}

export const SIGN_IN_MUTATION = `mutation SignIn($input: SignInInput!) {
  signIn(input: $input) { accessToken userErrors { code } }
}`;

export const ADMIN_CREDENTIALS = { input: { email: 'admin@demo.test', password: 'buoy-demo' } };

export const BOARD_SUBSCRIPTION = `subscription Board($after: String) {
  boardEvents(after: $after) { cursor kind ticketId ticket { number title status } }
}`;

export interface BoardEvent {
  cursor: string;
  kind: string;
  ticketId: string | null;
  ticket: { number: number; title: string; status: string } | null;
}
