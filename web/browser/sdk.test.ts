/** The SDK in a real browser: the example page that acts as ERP, CRM and field app side by side. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Page } from 'playwright-core';
import { Desk } from './desk';

const PATIENT = { timeout: 20_000 };

let desk: Desk;
let page: Page;
beforeAll(async () => {
  desk = await Desk.open();
  page = await desk.visitor('zh-CN', `${desk.address}/sdk/example.html`);
  await page.locator('body[data-ready]').waitFor();
});
afterAll(() => desk.close());

const system = (key: string) => page.locator(`section[data-system="${key}"]`);
const says = (key: string, word: string) => system(key).getByRole('button', { name: word, exact: true }).click();
const holds = (key: string, word: string) => system(key).locator('.held', { hasText: word }).waitFor(PATIENT);
const truth = (status: string) => page.locator('#truth', { hasText: status }).waitFor(PATIENT);

interface Known {
  truth: string;
  history: { system: string; eventId: string | null }[];
}

/** What Buoy knows of the ticket on the page. */
const panorama = (): Promise<Known> =>
  page.evaluate(async () => {
    type Answer = { data: { signIn: { accessToken: string }; panorama: Known } };
    const ask = async (query: string, variables: object, bearer?: string) => {
      const headers = { 'content-type': 'application/json', ...(bearer && { authorization: `Bearer ${bearer}` }) };
      const body = JSON.stringify({ query, variables });
      return ((await (await fetch('/graphql', { method: 'POST', headers, body })).json()) as Answer).data;
    };
    const input = { email: 'admin@demo.test', password: 'buoy-demo' };
    const session = await ask('mutation ($input: SignInInput!) { signIn(input: $input) { accessToken } }', { input });
    const reference = (document.querySelector('#token') as HTMLInputElement).value;
    const query = 'query ($reference: String!) { panorama(reference: $reference) { truth history(first: 200) { system eventId } } }';
    return (await ask(query, { reference }, session.signIn.accessToken)).panorama;
  });

it('shows what one system says in the words of the others', async () => {
  await page.locator('#new').click();
  await truth('NEW');
  await says('ERP_NO', '挂起');
  await truth('WAITING');
  await holds('CRM_ID', 'on hold');
  await holds('APP_SN', '待确认');
  await says('CRM_ID', 'working');
  await holds('ERP_NO', '执行中');
  await holds('APP_SN', '处理中');
});

it('keeps what is said offline, and sends it when the network is back', async () => {
  await system('APP_SN').locator('.offline input').check();
  await says('APP_SN', '待确认');
  await says('APP_SN', '处理中');
  const before = (await panorama()).history.length;
  await system('APP_SN').locator('.offline input').uncheck();
  await system('APP_SN').locator('.log li', { hasText: /AGREED|APPLIED|STALE/ }).first().waitFor(PATIENT);
  await expect.poll(async () => (await panorama()).history.length, PATIENT).toBe(before + 2);
});

it('loses nothing and says nothing twice when the page is reloaded and the server killed in the middle of a batch', async () => {
  const token = await page.locator('#token').inputValue();
  const apiKey = await system('APP_SN').locator('.key input').inputValue();
  const before = (await panorama()).history.length;
  // Queued in one page, which is gone before it has sent all.
  const queue = ([uuid, key, from]: readonly [string, string, number]) => {
    const { Buoy } = (window as unknown as { BuoySdk: { Buoy: new (options: object) => { queue(reports: object[]): Promise<void> } } }).BuoySdk;
    const client = new Buoy({ url: location.origin, apiKey: key, name: 'batch', operator: '页面' });
    const reports = Array.from({ length: 40 }, (_, i) => ({ uuid, status: i % 2 ? '处理中' : '待确认', eventId: `b-${from + i}`, at: Date.now() - 40 + i }));
    return client.queue(reports);
  };
  await page.evaluate(queue, [token, apiKey, 0] as const);
  await page.reload();
  await page.locator('body[data-ready]').waitFor();
  await desk.crash(async () => {
    await page.evaluate(queue, [token, apiKey, 40] as const);
    await page.reload().catch(() => {});
  });
  await page.goto(`${desk.address}/sdk/example.html`);
  await page.locator('body[data-ready]').waitFor();
  const drained = ([key]: readonly [string]) => {
    const { Buoy } = (window as unknown as { BuoySdk: { Buoy: new (options: object) => { flush(): Promise<void>; pending(): Promise<number> } } }).BuoySdk;
    const client = new Buoy({ url: location.origin, apiKey: key, name: 'batch', operator: '页面' });
    return client.flush().then(() => client.pending());
  };
  await expect.poll(() => page.evaluate(drained, [apiKey] as const), PATIENT).toBe(0);
  await page.locator('#token').fill(token);
  const { history } = await panorama();
  const ids = history.map(({ eventId }) => eventId).filter((id) => id?.startsWith('b-'));
  expect(ids.length, 'each once').toBe(80);
  expect(new Set(ids).size).toBe(80);
  expect(history.length).toBe(before + 80);
});

it('answers in the page that reported and tells every page, whichever of them sends', async () => {
  interface Tab {
    BuoySdk: { Buoy: new (options: object) => Client };
    client: Client;
    told: string[];
    answer: Promise<{ eventId: string }>;
    release: () => void;
  }
  interface Client {
    report(report: object): Promise<{ eventId: string }>;
    pending(): Promise<number>;
    close(): void;
  }
  const other = await page.context().newPage();
  await other.goto(`${desk.address}/sdk/example.html`);
  await other.locator('body[data-ready]').waitFor();
  const token = await page.locator('#token').inputValue();
  const apiKey = await system('APP_SN').locator('.key input').inputValue();
  // Neither sends before both have reported; then the first sends for both.
  await page.evaluate(
    () =>
      new Promise<void>((held) => {
        const hold = () => {
          held();
          return new Promise<void>((release) => ((window as unknown as Tab).release = release));
        };
        void navigator.locks.request('buoy:tabs', hold);
      }),
  );
  const report = ([uuid, key, eventId]: readonly [string, string, string]) => {
    const tab = window as unknown as Tab;
    tab.told = [];
    const onResult = (result: { eventId: string }) => tab.told.push(result.eventId);
    tab.client = new tab.BuoySdk.Buoy({ url: location.origin, apiKey: key, name: 'tabs', operator: '页面', onResult });
    tab.answer = tab.client.report({ uuid, status: '处理中', eventId });
  };
  const waiting = () => page.evaluate(async () => (await navigator.locks.query()).pending?.filter(({ name }) => name === 'buoy:tabs').length);
  for (const [place, tab] of [page, other].entries()) {
    await tab.evaluate(report, [token, apiKey, `t-${place}`] as const);
    await expect.poll(waiting, PATIENT).toBe(place + 1);
    await expect.poll(() => tab.evaluate(() => (window as unknown as Tab).client.pending()), PATIENT).toBe(place + 1);
  }
  await page.evaluate(() => (window as unknown as Tab).release());
  for (const [place, tab] of [page, other].entries()) {
    expect((await tab.evaluate(() => (window as unknown as Tab).answer)).eventId).toBe(`t-${place}`);
    await expect.poll(() => tab.evaluate(() => (window as unknown as Tab).told), PATIENT).toEqual(['t-0', 't-1']);
    await tab.evaluate(() => (window as unknown as Tab).client.close());
  }
  await other.close();
});
