/** `/widget.js` on a page of another origin, with tokens that the page gets for it. */
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Page } from 'playwright-core';
import { Desk } from './desk';

const BYTES_MAX = 10_000;
/** Other work may go on beside it. */
const PATIENT = { timeout: 20_000 };
/** Of no team, so that nothing of the demo comes to them. */
const AGENT = 'portal@demo.test';

/** A page such as somebody's portal has: it knows only what docs say of the element. */
const portal = (buoy: string) => `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Portal</title><link rel="icon" href="data:,">
<p>Somebody's portal</p>
<script>
  const ask = (query, variables, token) =>
    fetch('${buoy}/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token && { authorization: 'Bearer ' + token }) },
      body: JSON.stringify({ query, variables }),
    }).then((answer) => answer.json()).then(({ data }) => data);
  const session = ask(
    'mutation($email: String!) { signIn(input: { email: $email, password: "buoy-demo" }) { accessToken } }',
    { email: '${AGENT}' },
  ).catch(() => null);
  window.asked = 0;
  document.addEventListener('buoy-token', async ({ target }) => {
    window.asked++;
    const held = await session;
    if (!held) return;
    const made = await ask('mutation { createTodoToken(input: {}) { token } }', {}, held.signIn.accessToken);
    target.token = made.createTodoToken.token;
  });
</script>
<buoy-todo></buoy-todo>
<script src="${buoy}/widget.js" async></script>`;

/** A server on a port of its own, which is an origin of its own. */
async function host(): Promise<[Server, string, (body: string) => void]> {
  let page = '';
  const server = createServer((request, response) => {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
    response.end(request.url === '/' ? page : '');
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return [server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`, (body) => (page = body)];
}

let desk: Desk;
const servers: Server[] = [];
let listed = '';
let unlisted = '';

beforeAll(async () => {
  const [one, showOne] = await added();
  const [other, showOther] = await added();
  [listed, unlisted] = [one, other];
  desk = await Desk.open({ BUOY_WIDGET__ORIGINS: JSON.stringify([listed]) });
  const { token } = await signIn('admin@demo.test');
  const made = await ask<{ createUser: { userErrors: unknown[] } }>(
    'mutation($input: CreateUserInput!) { createUser(input: $input) { userErrors { code message } } }',
    { input: { email: AGENT, name: 'Portal', password: 'buoy-demo', roles: ['AGENT'] } },
    token,
  );
  expect(made.createUser.userErrors).toEqual([]);
  showOne(portal(desk.address));
  showOther(portal(desk.address));

  async function added(): Promise<[string, (body: string) => void]> {
    const [server, address, show] = await host();
    servers.push(server);
    return [address, show];
  }
});
afterAll(async () => {
  await desk.close();
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

async function ask<T>(query: string, variables: object, token?: string): Promise<T> {
  const answer = await fetch(`${desk.address}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = (await answer.json()) as { data: T | null; errors?: unknown };
  if (!data) throw new Error(JSON.stringify(errors));
  return data;
}

async function signIn(email: string): Promise<{ token: string; id: string }> {
  const { signIn: made } = await ask<{ signIn: { accessToken: string; viewer: { id: string } } }>(
    'mutation($email: String!) { signIn(input: { email: $email, password: "buoy-demo" }) { accessToken viewer { id } } }',
    { email },
  );
  return { token: made.accessToken, id: made.viewer.id };
}

async function todoToken(): Promise<string> {
  const { token } = await signIn(AGENT);
  const made = await ask<{ createTodoToken: { token: string } }>('mutation { createTodoToken(input: {}) { token } }', {}, token);
  return made.createTodoToken.token;
}

/** A ticket for the agent. */
async function assigned(title: string, priority: string): Promise<number> {
  const { id } = await signIn(AGENT);
  const { token } = await signIn('admin@demo.test');
  const made = await ask<{ createTicket: { ticket: { id: string; number: number } } }>(
    'mutation($input: CreateTicketInput!) { createTicket(input: $input) { ticket { id number } } }',
    { input: { title, description: 'It stands still.', priority } },
    token,
  );
  const { ticket } = made.createTicket;
  const given = await ask<{ assignTicket: { userErrors: unknown[] } }>(
    'mutation($input: AssignTicketInput!) { assignTicket(input: $input) { userErrors { code message } } }',
    { input: { ticketId: ticket.id, assigneeId: id } },
    token,
  );
  expect(given.assignTicket.userErrors).toEqual([]);
  return ticket.number;
}

/** From here on the first level fires after a second. */
async function hasten(priority: string): Promise<void> {
  const { token } = await signIn('admin@demo.test');
  const levels = [1, 3_600, 7_200].map((afterSeconds, i) => ({ level: i + 1, afterSeconds, channels: i === 0 ? ['WEB', 'EMAIL'] : ['EMAIL'] }));
  const saved = await ask<{ saveEscalationPolicy: { userErrors: unknown[] } }>(
    'mutation($input: SaveEscalationPolicyInput!) { saveEscalationPolicy(input: $input) { userErrors { code message } } }',
    { input: { priority, levels } },
    token,
  );
  expect(saved.saveEscalationPolicy.userErrors).toEqual([]);
}

const unread = (page: Page) => page.locator('buoy-todo .pill b');
const alarm = (page: Page) => page.locator('buoy-todo').getByRole('alertdialog');
/** How many of the page's sockets are open. */
function sockets(page: Page): { open: number; all: number } {
  const seen = { open: 0, all: 0 };
  page.on('websocket', (socket) => {
    seen.open++;
    seen.all++;
    socket.on('close', () => seen.open--);
  });
  return seen;
}

it('is small', async () => {
  const file = await readFile(new URL('../dist/widget.js', import.meta.url));
  expect(file.byteLength).toBeLessThan(BYTES_MAX);
  // Somebody's page may be in any encoding.
  expect(file.every((byte) => byte < 128)).toBe(true);
});

it('shows on another page what waits, and what nobody has answered', async () => {
  const page = await desk.visitor('en-US', listed);
  await page.locator('buoy-todo .pill').getByText('Nothing waits for you').waitFor();
  const first = await assigned('Press <b>4</b> & stands still', 'HIGH');
  await unread(page).getByText('1', { exact: true }).waitFor();
  await page.locator('buoy-todo .toast').getByText(`#${first}`).waitFor();

  // By the keyboard, to a list whose links lead to Buoy.
  await page.locator('buoy-todo .pill').focus();
  await page.keyboard.press('Enter');
  const link = page.locator('buoy-todo .list a');
  await link.getByText(`#${first} Press <b>4</b> & stands still`).waitFor();
  expect(await link.getAttribute('href')).toBe(`${desk.address}/tickets/${first}`);
  expect(await link.getAttribute('target')).toBe('_blank');
  expect(await link.getAttribute('rel')).toBe('noopener');
  const wait = () => page.locator('buoy-todo .pill strong').innerText();
  const began = await wait();
  expect(began).toMatch(/^longest \d+ sec$/);
  await expect.poll(wait, PATIENT).not.toBe(began);

  // Somebody has touched the page: it may be heard.
  const beeps = await page.evaluateHandle(() => {
    const counted = { tones: 0 };
    window.AudioContext = class extends AudioContext {
      override createOscillator() {
        counted.tones++;
        return super.createOscillator();
      }
    };
    return counted;
  });
  await hasten('URGENT');
  const second = await assigned('Line 7 is down', 'URGENT');
  await alarm(page).getByRole('link', { name: `#${second}` }).waitFor();
  await unread(page).getByText('2', { exact: true }).waitFor();
  expect(await beeps.evaluate(({ tones }) => tones)).toBe(2);
  // Received: the server knows it by the element's own word.
  const { token } = await signIn('admin@demo.test');
  const told = () =>
    ask<{ ticket: { notifications: { cause: string; deliveries: { channel: string; state: string }[] }[] } }>(
      'query($number: Int!) { ticket(number: $number) { notifications { cause deliveries { channel state } } } }',
      { number: second },
      token,
    ).then(({ ticket }) => ticket.notifications.filter(({ cause }) => cause === 'ESCALATION_1').flatMap(({ deliveries }) => deliveries));
  await expect.poll(told, PATIENT).toContainEqual({ channel: 'WEB', state: 'DELIVERED' });

  // In the reader's language, and where they want it.
  await page.locator('buoy-todo').evaluate((element) => {
    element.setAttribute('lang', 'zh-CN');
    element.setAttribute('corner', 'top-left');
  });
  await alarm(page).getByText('工单超时无人响应').waitFor();
  await alarm(page).getByRole('button', { name: '知道了' }).click();
  await alarm(page).waitFor({ state: 'hidden' });
  const box = await page.locator('buoy-todo .pill').boundingBox();
  expect(box && box.x < 100 && box.y < 100).toBe(true);
});

it('goes on with a new token and after a crash, loses nothing and repeats nothing', async () => {
  const page = await desk.visitor('en-US', listed);
  // The line of this visit is not counted: it is there before anybody counts.
  const live = page.locator('buoy-todo .root.live');
  await live.waitFor();
  const seen = sockets(page);
  await page.reload();
  await live.waitFor();
  await unread(page).waitFor();
  expect(seen).toEqual({ open: 1, all: 1 });
  // The same page, another token: the line is replaced.
  await page.locator('buoy-todo').evaluate((element, token) => Object.assign(element, { token }), await todoToken());
  await expect.poll(() => seen, PATIENT).toEqual({ open: 1, all: 2 });
  // One that is not good: the page is asked for another.
  const asked = () => page.evaluate(() => (window as unknown as { asked: number }).asked);
  await page.locator('buoy-todo').evaluate((element) => Object.assign(element, { token: 'x.y.z' }));
  await expect.poll(asked, PATIENT).toBe(2);
  await expect.poll(() => seen.open, PATIENT).toBe(1);

  const toasts = page.locator('buoy-todo .toast');
  const all = await page.evaluateHandle(() => {
    const said: string[] = [];
    const root = document.querySelector('buoy-todo')?.shadowRoot?.querySelector('.toasts');
    const watch = new MutationObserver((changes) => said.push(...changes.flatMap(({ addedNodes }) => [...addedNodes].map((node) => String(node.textContent)))));
    if (root) watch.observe(root, { childList: true });
    return said;
  });
  const before = await assigned('Before the crash', 'LOW');
  await toasts.getByText(`#${before}`).waitFor();
  await desk.crash(() => page.locator('buoy-todo .root:not(.live)').waitFor());
  const after = await assigned('After the crash', 'LOW');
  await toasts.getByText(`#${after}`).waitFor({ timeout: 40_000 });
  expect(await all.jsonValue()).toEqual([`Ticket #${before} is yours`, `Ticket #${after} is yours`]);

  // Taken out and put in again.
  await page.evaluate(() => {
    const element = document.querySelector('buoy-todo');
    element?.remove();
    Object.assign(window, { element });
  });
  await expect.poll(() => seen.open, PATIENT).toBe(0);
  await page.evaluate(() => document.body.append((window as unknown as { element: Element }).element));
  await expect.poll(() => seen.open, PATIENT).toBe(1);
});

it('is an element that a script may make before it is known, with what it was given', async () => {
  const page = await desk.visitor('zh-CN', listed);
  await page.setContent('<!doctype html><html><body></body></html>');
  await page.evaluate(
    ([server, token]) => {
      const element = Object.assign(document.createElement('buoy-todo'), { server, token, corner: 'bottom-left' });
      document.body.append(element);
    },
    [desk.address, await todoToken()],
  );
  await page.addScriptTag({ url: `${desk.address}/widget.js` });
  await page.addScriptTag({ url: `${desk.address}/widget.js` });
  await unread(page).waitFor();
  await page.locator('buoy-todo .pill').getByText('最长').waitFor();
  expect(await page.locator('buoy-todo .root.left').count()).toBe(1);
});

it('is refused on a page that is not listed, and shows nothing', async () => {
  const page = await desk.visitor('en-US', unlisted);
  const seen = sockets(page);
  const token = await todoToken();
  // A token that came by another way does not help.
  await page.locator('buoy-todo').evaluate((element, given) => Object.assign(element, { token: given }), token);
  await expect.poll(() => seen.all, PATIENT).toBeGreaterThan(1);
  await expect.poll(() => seen.open, PATIENT).toBe(0);
  expect(await page.locator('buoy-todo .root').isVisible()).toBe(false);
  expect(await alarm(page).isVisible()).toBe(false);
});

it('no page complained', () => {
  // A browser says of its own accord what it was refused, or could not reach.
  expect(desk.complaints.filter((line) => !/WebSocket connection|CORS policy|ERR_FAILED|ERR_CONNECTION/.test(line))).toEqual([]);
});
