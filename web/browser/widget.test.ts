/** `/widget.js` on a page of another origin, with tokens that the page requests for it. */
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Page } from 'playwright-core';
import { Desk } from './desk';

const BYTES_MAX = 10_000;
/** Generous, because other work may run on the same machine. */
const SLOW = { timeout: 20_000 };
/** A member of no team, so that no demo tickets are assigned to them. */
const AGENT_EMAIL = 'portal@demo.test';

/** A customer's portal page that uses only the documented interface of the element. */
const portalPage = (buoy: string) => `<!doctype html>
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
    { email: '${AGENT_EMAIL}' },
  ).catch(() => null);
  window.tokenRequests = 0;
  document.addEventListener('buoy-token', async ({ target }) => {
    window.tokenRequests++;
    const signedIn = await session;
    if (!signedIn) return;
    const created = await ask('mutation { createTodoToken(input: {}) { token } }', {}, signedIn.signIn.accessToken);
    target.token = created.createTodoToken.token;
  });
</script>
<buoy-todo></buoy-todo>
<script src="${buoy}/widget.js" async></script>`;

/** A server on its own port, and so its own origin. */
async function startHost(): Promise<[Server, string, (body: string) => void]> {
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
  const [listedAddress, setListedBody] = await addHost();
  const [unlistedAddress, setUnlistedBody] = await addHost();
  [listed, unlisted] = [listedAddress, unlistedAddress];
  desk = await Desk.open({ BUOY_WIDGET__ORIGINS: JSON.stringify([listed]) });
  const { token } = await signIn('admin@demo.test');
  const result = await queryApi<{ createUser: { userErrors: unknown[] } }>(
    'mutation($input: CreateUserInput!) { createUser(input: $input) { userErrors { code message } } }',
    { input: { email: AGENT_EMAIL, name: 'Portal', password: 'buoy-demo', roles: ['AGENT'] } },
    token,
  );
  expect(result.createUser.userErrors).toEqual([]);
  setListedBody(portalPage(desk.address));
  setUnlistedBody(portalPage(desk.address));

  async function addHost(): Promise<[string, (body: string) => void]> {
    const [server, address, setBody] = await startHost();
    servers.push(server);
    return [address, setBody];
  }
});
afterAll(async () => {
  await desk.close();
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

async function queryApi<T>(query: string, variables: object, token?: string): Promise<T> {
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
  const { signIn: result } = await queryApi<{ signIn: { accessToken: string; viewer: { id: string } } }>(
    'mutation($email: String!) { signIn(input: { email: $email, password: "buoy-demo" }) { accessToken viewer { id } } }',
    { email },
  );
  return { token: result.accessToken, id: result.viewer.id };
}

async function todoToken(): Promise<string> {
  const { token } = await signIn(AGENT_EMAIL);
  const result = await queryApi<{ createTodoToken: { token: string } }>('mutation { createTodoToken(input: {}) { token } }', {}, token);
  return result.createTodoToken.token;
}

/** Creates a ticket and assigns it to the agent; returns its number. */
async function createAssigned(title: string, priority: string): Promise<number> {
  const { id } = await signIn(AGENT_EMAIL);
  const { token } = await signIn('admin@demo.test');
  const result = await queryApi<{ createTicket: { ticket: { id: string; number: number } } }>(
    'mutation($input: CreateTicketInput!) { createTicket(input: $input) { ticket { id number } } }',
    { input: { title, description: 'It stands still.', priority } },
    token,
  );
  const { ticket } = result.createTicket;
  const assignment = await queryApi<{ assignTicket: { userErrors: unknown[] } }>(
    'mutation($input: AssignTicketInput!) { assignTicket(input: $input) { userErrors { code message } } }',
    { input: { ticketId: ticket.id, assigneeId: id } },
    token,
  );
  expect(assignment.assignTicket.userErrors).toEqual([]);
  return ticket.number;
}

/** Makes the first escalation level fire after one second. */
async function shortenFirstLevel(priority: string): Promise<void> {
  const { token } = await signIn('admin@demo.test');
  const levels = [1, 3_600, 7_200].map((afterSeconds, i) => ({ level: i + 1, afterSeconds, channels: i === 0 ? ['WEB', 'EMAIL'] : ['EMAIL'] }));
  const saved = await queryApi<{ saveEscalationPolicy: { userErrors: unknown[] } }>(
    'mutation($input: SaveEscalationPolicyInput!) { saveEscalationPolicy(input: $input) { userErrors { code message } } }',
    { input: { priority, levels } },
    token,
  );
  expect(saved.saveEscalationPolicy.userErrors).toEqual([]);
}

const unread = (page: Page) => page.locator('buoy-todo .pill b');
const alarm = (page: Page) => page.locator('buoy-todo').getByRole('alertdialog');
/** Counts the page's WebSockets: currently open, and opened in total. */
function countSockets(page: Page): { open: number; all: number } {
  const counts = { open: 0, all: 0 };
  page.on('websocket', (socket) => {
    counts.open++;
    counts.all++;
    socket.on('close', () => counts.open--);
  });
  return counts;
}

it('the script stays within its size limit', async () => {
  const file = await readFile(new URL('../dist/widget.js', import.meta.url));
  expect(file.byteLength).toBeLessThan(BYTES_MAX);
  // The host page may have any encoding, so the script must be ASCII.
  expect(file.every((byte) => byte < 128)).toBe(true);
});

it('shows to-dos, toasts and alarms on a page of another origin', async () => {
  const page = await desk.visitor('en-US', listed);
  await page.locator('buoy-todo .pill').getByText('All caught up').waitFor();
  const first = await createAssigned('Press <b>4</b> & stands still', 'HIGH');
  await unread(page).getByText('1', { exact: true }).waitFor();
  await page.locator('buoy-todo .toast').getByText(`#${first}`).waitFor();

  // The keyboard opens the list; its links lead to Buoy.
  await page.locator('buoy-todo .pill').focus();
  await page.keyboard.press('Enter');
  const link = page.locator('buoy-todo .list a');
  await link.getByText(`#${first} Press <b>4</b> & stands still`).waitFor();
  expect(await link.getAttribute('href')).toBe(`${desk.address}/tickets/${first}`);
  expect(await link.getAttribute('target')).toBe('_blank');
  expect(await link.getAttribute('rel')).toBe('noopener');
  const wait = () => page.locator('buoy-todo .pill strong').innerText();
  const initialWait = await wait();
  expect(initialWait).toMatch(/^Longest wait \d+ sec$/);
  await expect.poll(wait, SLOW).not.toBe(initialWait);

  // Browsers allow sound only after the user has interacted with the page.
  const beeps = await page.evaluateHandle(() => {
    const counter = { tones: 0 };
    window.AudioContext = class extends AudioContext {
      override createOscillator() {
        counter.tones++;
        return super.createOscillator();
      }
    };
    return counter;
  });
  await shortenFirstLevel('URGENT');
  const second = await createAssigned('Line 7 is down', 'URGENT');
  await alarm(page).getByRole('link', { name: `#${second}` }).waitFor();
  await unread(page).getByText('2', { exact: true }).waitFor();
  expect(await beeps.evaluate(({ tones }) => tones)).toBe(2);
  // The element acknowledged the notification, so the server knows that it was delivered.
  const { token } = await signIn('admin@demo.test');
  const firstLevelDeliveries = () =>
    queryApi<{ ticket: { notifications: { cause: string; deliveries: { channel: string; state: string }[] }[] } }>(
      'query($number: Int!) { ticket(number: $number) { notifications { cause deliveries { channel state } } } }',
      { number: second },
      token,
    ).then(({ ticket }) => ticket.notifications.filter(({ cause }) => cause === 'ESCALATION_1').flatMap(({ deliveries }) => deliveries));
  await expect.poll(firstLevelDeliveries, SLOW).toContainEqual({ channel: 'WEB', state: 'DELIVERED' });

  // The element follows the `lang` and `corner` attributes.
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

it('shows each notification exactly once across new tokens and a server crash', async () => {
  const page = await desk.visitor('en-US', listed);
  // Waits for the connection of this visit, so that it is not counted.
  const live = page.locator('buoy-todo .root.live');
  await live.waitFor();
  const counts = countSockets(page);
  await page.reload();
  await live.waitFor();
  await unread(page).waitFor();
  expect(counts).toEqual({ open: 1, all: 1 });
  // A new token on the same page replaces the connection.
  await page.locator('buoy-todo').evaluate((element, token) => Object.assign(element, { token }), await todoToken());
  await expect.poll(() => counts, SLOW).toEqual({ open: 1, all: 2 });
  // The server rejects this token, so the element asks the page for another one.
  const tokenRequests = () => page.evaluate(() => (window as unknown as { tokenRequests: number }).tokenRequests);
  await page.locator('buoy-todo').evaluate((element) => Object.assign(element, { token: 'x.y.z' }));
  await expect.poll(tokenRequests, SLOW).toBe(2);
  await expect.poll(() => counts.open, SLOW).toBe(1);

  const toasts = page.locator('buoy-todo .toast');
  const shownToasts = await page.evaluateHandle(() => {
    const texts: string[] = [];
    const root = document.querySelector('buoy-todo')?.shadowRoot?.querySelector('.toasts');
    const observer = new MutationObserver((changes) => texts.push(...changes.flatMap(({ addedNodes }) => [...addedNodes].map((node) => String(node.textContent)))));
    if (root) observer.observe(root, { childList: true });
    return texts;
  });
  const before = await createAssigned('Before the crash', 'LOW');
  await toasts.getByText(`#${before}`).waitFor();
  await desk.crash(() => page.locator('buoy-todo .root:not(.live)').waitFor());
  const after = await createAssigned('After the crash', 'LOW');
  await toasts.getByText(`#${after}`).waitFor({ timeout: 40_000 });
  expect(await shownToasts.jsonValue()).toEqual([`Ticket #${before} was assigned to you`, `Ticket #${after} was assigned to you`]);

  // Removes the element and adds it again.
  await page.evaluate(() => {
    const element = document.querySelector('buoy-todo');
    element?.remove();
    Object.assign(window, { element });
  });
  await expect.poll(() => counts.open, SLOW).toBe(0);
  await page.evaluate(() => document.body.append((window as unknown as { element: Element }).element));
  await expect.poll(() => counts.open, SLOW).toBe(1);
});

it('applies properties that were set before the script was loaded', async () => {
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

it('is refused on an origin that is not listed, and shows nothing', async () => {
  const page = await desk.visitor('en-US', unlisted);
  const counts = countSockets(page);
  const token = await todoToken();
  // The origin is not listed, so a valid token does not help.
  await page.locator('buoy-todo').evaluate((element, given) => Object.assign(element, { token: given }), token);
  await expect.poll(() => counts.all, SLOW).toBeGreaterThan(1);
  await expect.poll(() => counts.open, SLOW).toBe(0);
  expect(await page.locator('buoy-todo .root').isVisible()).toBe(false);
  expect(await alarm(page).isVisible()).toBe(false);
});

it('no page logged an error', () => {
  // The browser itself logs requests that were refused or did not reach the server.
  expect(desk.complaints.filter((line) => !/WebSocket connection|CORS policy|ERR_FAILED|ERR_CONNECTION/.test(line))).toEqual([]);
});
