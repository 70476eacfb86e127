/** The SDK in a real browser, on the example page that acts as ERP, CRM and field app. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Page } from 'playwright-core';
import { Desk } from './desk';

const SLOW = { timeout: 20_000 };

let desk: Desk;
let page: Page;
beforeAll(async () => {
  desk = await Desk.open();
  page = await desk.visitor('zh-CN', `${desk.address}/sdk/example.html`);
  await page.locator('body[data-ready]').waitFor();
});
afterAll(() => desk.close());

const system = (key: string) => page.locator(`section[data-system="${key}"]`);
const clickStatus = (key: string, word: string) => system(key).getByRole('button', { name: word, exact: true }).click();
const waitForStatus = (key: string, word: string) => system(key).locator('.status', { hasText: word }).waitFor(SLOW);
const waitForTruth = (status: string) => page.locator('#truth', { hasText: status }).waitFor(SLOW);

interface PanoramaData {
  truth: string;
  history: { system: string; eventId: string | null }[];
}

/** What Buoy stores about the ticket on the page. */
const panorama = (): Promise<PanoramaData> =>
  page.evaluate(async () => {
    type Answer = { data: { signIn: { accessToken: string }; panorama: PanoramaData } };
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

it('a status reported by one system reaches the others in their own words', async () => {
  await page.locator('#new').click();
  await waitForTruth('NEW');
  await clickStatus('ERP_NO', '挂起');
  await waitForTruth('WAITING');
  await waitForStatus('CRM_ID', 'on hold');
  await waitForStatus('APP_SN', '待确认');
  await clickStatus('CRM_ID', 'working');
  await waitForStatus('ERP_NO', '执行中');
  await waitForStatus('APP_SN', '处理中');
});

it('queues reports while offline, and sends them when online again', async () => {
  await system('APP_SN').locator('.offline input').check();
  await clickStatus('APP_SN', '待确认');
  await clickStatus('APP_SN', '处理中');
  const before = (await panorama()).history.length;
  await system('APP_SN').locator('.offline input').uncheck();
  await system('APP_SN').locator('.log li', { hasText: /AGREED|APPLIED|STALE/ }).first().waitFor(SLOW);
  await expect.poll(async () => (await panorama()).history.length, SLOW).toBe(before + 2);
});

it('delivers every report exactly once when the page is reloaded and the server killed during a batch', async () => {
  const token = await page.locator('#token').inputValue();
  const apiKey = await system('APP_SN').locator('.key input').inputValue();
  const before = (await panorama()).history.length;
  // The reports are queued on a page that is reloaded before it has sent all of them.
  const queueReports = ([uuid, key, from]: readonly [string, string, number]) => {
    const { Buoy } = (window as unknown as { BuoySdk: { Buoy: new (options: object) => { queue(reports: object[]): Promise<void> } } }).BuoySdk;
    const client = new Buoy({ url: location.origin, apiKey: key, name: 'batch', operator: '页面' });
    const reports = Array.from({ length: 40 }, (_, i) => ({ uuid, status: i % 2 ? '处理中' : '待确认', eventId: `b-${from + i}`, at: Date.now() - 40 + i }));
    return client.queue(reports);
  };
  await page.evaluate(queueReports, [token, apiKey, 0] as const);
  await page.reload();
  await page.locator('body[data-ready]').waitFor();
  await desk.crash(async () => {
    await page.evaluate(queueReports, [token, apiKey, 40] as const);
    await page.reload().catch(() => {});
  });
  await page.goto(`${desk.address}/sdk/example.html`);
  await page.locator('body[data-ready]').waitFor();
  const flushAndCount = ([key]: readonly [string]) => {
    const { Buoy } = (window as unknown as { BuoySdk: { Buoy: new (options: object) => { flush(): Promise<void>; pending(): Promise<number> } } }).BuoySdk;
    const client = new Buoy({ url: location.origin, apiKey: key, name: 'batch', operator: '页面' });
    return client.flush().then(() => client.pending());
  };
  await expect.poll(() => page.evaluate(flushAndCount, [apiKey] as const), SLOW).toBe(0);
  await page.locator('#token').fill(token);
  const { history } = await panorama();
  const ids = history.map(({ eventId }) => eventId).filter((id) => id?.startsWith('b-'));
  expect(ids.length, 'each report is stored once').toBe(80);
  expect(new Set(ids).size).toBe(80);
  expect(history.length).toBe(before + 80);
});

it('resolves the call in the page that reported, and passes results to every page', async () => {
  interface Tab {
    BuoySdk: { Buoy: new (options: object) => Client };
    client: Client;
    results: string[];
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
  // Holds the lock until both pages have reported; then the first page sends for both.
  await page.evaluate(
    () =>
      new Promise<void>((locked) => {
        const holdLock = () => {
          locked();
          return new Promise<void>((release) => ((window as unknown as Tab).release = release));
        };
        void navigator.locks.request('buoy:tabs', holdLock);
      }),
  );
  const report = ([uuid, key, eventId]: readonly [string, string, string]) => {
    const tab = window as unknown as Tab;
    tab.results = [];
    const onResult = (result: { eventId: string }) => tab.results.push(result.eventId);
    tab.client = new tab.BuoySdk.Buoy({ url: location.origin, apiKey: key, name: 'tabs', operator: '页面', onResult });
    tab.answer = tab.client.report({ uuid, status: '处理中', eventId });
  };
  const waitingLocks = () => page.evaluate(async () => (await navigator.locks.query()).pending?.filter(({ name }) => name === 'buoy:tabs').length);
  for (const [index, tab] of [page, other].entries()) {
    await tab.evaluate(report, [token, apiKey, `t-${index}`] as const);
    await expect.poll(waitingLocks, SLOW).toBe(index + 1);
    await expect.poll(() => tab.evaluate(() => (window as unknown as Tab).client.pending()), SLOW).toBe(index + 1);
  }
  await page.evaluate(() => (window as unknown as Tab).release());
  for (const [index, tab] of [page, other].entries()) {
    expect((await tab.evaluate(() => (window as unknown as Tab).answer)).eventId).toBe(`t-${index}`);
    await expect.poll(() => tab.evaluate(() => (window as unknown as Tab).results), SLOW).toEqual(['t-0', 't-1']);
    await tab.evaluate(() => (window as unknown as Tab).client.close());
  }
  await other.close();
});
