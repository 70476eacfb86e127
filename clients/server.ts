/** The real program on demo data, that can be killed and come back where it was. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PROGRAM = process.env.BUOY_BINARY ?? new URL('../target/debug/buoy', import.meta.url).pathname;

export class Server {
  private constructor(
    private process: ChildProcess,
    private readonly folder: string,
    readonly address: string,
  ) {}

  static async start(): Promise<Server> {
    const folder = await mkdtemp(join(tmpdir(), 'buoy-clients-'));
    const [process, address] = await serve(folder, '127.0.0.1:0');
    return new Server(process, folder, address);
  }

  get graphql(): string {
    return `${this.address}/graphql`;
  }

  get socket(): string {
    return this.graphql.replace(/^http/, 'ws');
  }

  /** kill -9, something meanwhile, and back on the same folder at the same address. */
  async crash(meanwhile: () => Promise<void> = async () => {}): Promise<void> {
    await ended(this.process, 'SIGKILL');
    await meanwhile();
    [this.process] = await serve(this.folder, this.address.replace('http://', ''));
  }

  async stop(): Promise<void> {
    await ended(this.process, 'SIGTERM');
    await rm(this.folder, { recursive: true });
  }

  /** One operation, by nothing but fetch. */
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

  /** A new ticket; its number. */
  async create(token: string, title: string): Promise<number> {
    const query = 'mutation C($input: CreateTicketInput!) { createTicket(input: $input) { ticket { number } userErrors { message } } }';
    return (await this.ask(query, { input: { title, description: title } }, token)).createTicket.ticket.number;
  }
}

async function serve(folder: string, listen: string): Promise<[ChildProcess, string]> {
  const server = spawn(PROGRAM, ['serve', '--demo'], {
    env: { ...process.env, BUOY_DATA_DIR: folder, BUOY_LISTEN: listen, BUOY_DATABASE_URL: '', BUOY_DISPATCH__AUTOMATIC: 'false', BUOY_LOG: 'error' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const address = await new Promise<string>((found, failed) => {
    let said = '';
    server.stdout!.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      const at = /Buoy is at (http:\S+)/.exec(said)?.[1];
      if (at) found(at);
    });
    server.on('exit', (code) => failed(new Error(`the server ended with ${code}: ${said}`)));
    server.on('error', failed);
  });
  return [server, address];
}

async function ended(server: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const gone = new Promise((done) => server.on('exit', done));
  server.kill(signal);
  await gone;
}

/** What a subscription hears, in order. */
export class Heard<T> {
  readonly all: T[] = [];
  #waiting: (() => void)[] = [];

  push(event: T): void {
    this.all.push(event);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** The first that fits; the test's own time-out is the deadline. */
  async until(fits: (event: T) => boolean): Promise<T> {
    for (;;) {
      const found = this.all.find(fits);
      if (found) return found;
      await new Promise<void>((wake) => this.#waiting.push(wake));
    }
  }
}

export const SIGN_IN = `mutation SignIn($input: SignInInput!) {
  signIn(input: $input) { accessToken userErrors { code } }
}`;

export const ADMIN = { input: { email: 'admin@demo.test', password: 'buoy-demo' } };

export const BOARD = `subscription Board($after: String) {
  boardEvents(after: $after) { cursor kind ticketId ticket { number title status } }
}`;

export interface BoardEvent {
  cursor: string;
  kind: string;
  ticketId: string | null;
  ticket: { number: number; title: string; status: string } | null;
}
