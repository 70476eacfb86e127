/** A test server on demo data, and browser sessions of its users. */
import { spawn, type ChildProcess } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { inject } from 'vitest';

const PROGRAM = process.env.BUOY_BINARY ?? new URL('../../target/debug/buoy', import.meta.url).pathname;
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
/** Prevents all requests of the browser to hosts other than the server. */
const CHROMIUM_ARGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

/** Environment variables of the program, in addition to the defaults of every desk. */
type Env = Readonly<Record<string, string>>;

/** A folder with demo data of its own. */
async function copyDemoData(prefix: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), prefix));
  await cp(inject('demoData'), folder, { recursive: true });
  return folder;
}

/** Starts the program and returns its process and address. */
export async function startServer(folder: string, listen: string, env: Env): Promise<[ChildProcess, string]> {
  const server = spawn(PROGRAM, ['serve', '--demo'], {
    env: { ...process.env, BUOY_DATA_DIR: folder, BUOY_LISTEN: listen, BUOY_DATABASE_URL: '',
      // E-mail is configured as a channel, but nothing listens there, so no e-mail arrives.
      BUOY_CHANNELS__EMAIL__SMTP_URL: 'smtp://127.0.0.1:9', BUOY_CHANNELS__EMAIL__FROM: 'Buoy <buoy@demo.test>',
      // The tests assign tickets by hand; automatic dispatch has its own tests.
      BUOY_DISPATCH__AUTOMATIC: 'false', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const address = await new Promise<string>((resolve, reject) => {
    let output = '';
    server.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      const match = /Buoy is at (http:\S+)/.exec(output)?.[1];
      if (match) resolve(match);
    });
    server.on('exit', (code) => reject(new Error(`the server ended with ${String(code)}: ${output}`)));
    server.on('error', reject);
  });
  return [server, address];
}

export async function stopServer(server: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const exited = new Promise((done) => server.on('exit', done));
  server.kill(signal);
  await exited;
}

export class Desk {
  /** Errors that the pages logged. A working page logs none. */
  readonly complaints: string[] = [];

  private constructor(
    readonly address: string,
    private readonly browser: Browser,
    private server: ChildProcess,
    private readonly folder: string,
    private readonly env: Env,
  ) {}

  static async open(env: Env = {}): Promise<Desk> {
    const folder = await copyDemoData('buoy-browser-');
    const [server, address] = await startServer(folder, '127.0.0.1:0', env);
    return new Desk(address, await chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_ARGS }), server, folder, env);
  }

  /** Kills the server, runs `whileDown`, and starts the server again. */
  async crash(whileDown: () => Promise<void>): Promise<void> {
    await stopServer(this.server, 'SIGKILL');
    await whileDown();
    [this.server] = await startServer(this.folder, this.address.replace('http://', ''), this.env);
  }

  /** Opens a page in a new browser session, by default the start page of the server. */
  async visitor(locale: string, address = this.address): Promise<Page> {
    const context = await this.browser.newContext({ locale, viewport: { width: 1440, height: 900 } });
    const page = await context.newPage();
    page.on('pageerror', (error) => this.complaints.push(error.message));
    page.on('console', (message) => {
      // The sign-in page asks whether the request form is open. The browser logs the 401 when it is not.
      const isFormProbe = message.location().url.endsWith('/intake/web');
      if (message.type() === 'error' && !isFormProbe) this.complaints.push(message.text());
    });
    await page.goto(address);
    return page;
  }

  async signedIn(login: string, locale = 'en-US'): Promise<Page> {
    const page = await this.visitor(locale);
    await page.getByTestId('sign-in-email').fill(`${login}@demo.test`);
    await page.getByTestId('sign-in-password').fill('buoy-demo');
    await page.getByTestId('sign-in-submit').click();
    await page.getByTestId('ticket-card').first().waitFor();
    return page;
  }

  async close(): Promise<void> {
    await this.browser.close();
    await stopServer(this.server, 'SIGTERM');
    await rm(this.folder, { recursive: true });
  }
}
