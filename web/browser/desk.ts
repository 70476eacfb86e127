/** A server of its own on demo data, and people in browsers who use it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';

const PROGRAM = process.env.BUOY_BINARY ?? new URL('../../target/debug/buoy', import.meta.url).pathname;
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
/** The browser asks nobody but the server. */
const QUIET = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

/** Environment of the program, beside what every desk has. */
type Settings = Readonly<Record<string, string>>;

/** Starts the program and waits for its address. */
async function serve(folder: string, listen: string, settings: Settings): Promise<[ChildProcess, string]> {
  const server = spawn(PROGRAM, ['serve', '--demo'], {
    env: { ...process.env, BUOY_DATA_DIR: folder, BUOY_LISTEN: listen, BUOY_DATABASE_URL: '',
      // E-mail counts as a way; nobody listens there, so none arrives.
      BUOY_CHANNELS__EMAIL__SMTP_URL: 'smtp://127.0.0.1:9', BUOY_CHANNELS__EMAIL__FROM: 'Buoy <buoy@demo.test>',
      // Who gets a ticket is chosen by the page's people here; dispatch is tried by tests of its own.
      BUOY_DISPATCH__AUTOMATIC: 'false', ...settings },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const address = await new Promise<string>((found, failed) => {
    let said = '';
    server.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      const at = /Buoy is at (http:\S+)/.exec(said)?.[1];
      if (at) found(at);
    });
    server.on('exit', (code) => failed(new Error(`the server ended with ${String(code)}: ${said}`)));
    server.on('error', failed);
  });
  return [server, address];
}

async function ended(server: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const gone = new Promise((done) => server.on('exit', done));
  server.kill(signal);
  await gone;
}

export class Desk {
  /** What the pages complained of: a page that works says nothing. */
  readonly complaints: string[] = [];

  private constructor(
    readonly address: string,
    private readonly browser: Browser,
    private server: ChildProcess,
    private readonly folder: string,
    private readonly settings: Settings,
  ) {}

  static async open(settings: Settings = {}): Promise<Desk> {
    const folder = await mkdtemp(join(tmpdir(), 'buoy-browser-'));
    const [server, address] = await serve(folder, '127.0.0.1:0', settings);
    return new Desk(address, await chromium.launch({ executablePath: CHROMIUM, args: QUIET }), server, folder, settings);
  }

  /** The server dies at once, and stays away while something is done. */
  async crash(meanwhile: () => Promise<void>): Promise<void> {
    await ended(this.server, 'SIGKILL');
    await meanwhile();
    [this.server] = await serve(this.folder, this.address.replace('http://', ''), this.settings);
  }

  /** Somebody with a browser of their own, on a page of the desk or of somebody else. */
  async visitor(locale: string, address = this.address): Promise<Page> {
    const context = await this.browser.newContext({ locale, viewport: { width: 1440, height: 900 } });
    const page = await context.newPage();
    page.on('pageerror', (error) => this.complaints.push(error.message));
    page.on('console', (message) => {
      // Who signs in is offered the form for everybody where one is open; a browser reports of its own accord that none is.
      const asked = message.location().url.endsWith('/intake/web');
      if (message.type() === 'error' && !asked) this.complaints.push(message.text());
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
    await ended(this.server, 'SIGTERM');
    await rm(this.folder, { recursive: true });
  }
}
