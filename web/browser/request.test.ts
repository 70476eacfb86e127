import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Page } from 'playwright-core';
import { Desk } from './desk';

let desk: Desk;
beforeAll(async () => {
  desk = await Desk.open();
});
afterAll(async () => {
  await desk.close();
});

async function queryApi(query: string, token?: string): Promise<Record<string, Record<string, unknown>>> {
  const response = await fetch(`${desk.address}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ query }),
  });
  return ((await response.json()) as { data: Record<string, Record<string, unknown>> }).data;
}

async function enableRequestForm(): Promise<void> {
  const { signIn } = await queryApi('mutation { signIn(input: {email: "admin@demo.test", password: "buoy-demo"}) { accessToken } }');
  const { saveCredential } = await queryApi(
    'mutation { saveCredential(input: {key: "web", kind: WEB_FORM, parts: [{name: "secret", value: "a secret of the browser test"}]}) { userErrors { message } } }',
    signIn?.['accessToken'] as string,
  );
  expect(saveCredential?.['userErrors']).toEqual([]);
}

async function fillForm(page: Page, title: string): Promise<void> {
  await page.getByTestId('request-title').fill(title);
  await page.getByTestId('request-description').fill('The motor hums, nothing moves.');
  await page.getByTestId('request-contact').fill('+86 139 0000 1234');
}

/** The problem that the request page shows. */
const problemNote = (page: Page, kind: string) => page.locator(`[data-testid=request-problem][data-kind=${kind}]`);

it('says that the request form is closed, and the sign-in page does not link to it', async () => {
  const page = await desk.visitor('zh-CN', `${desk.address}/request`);
  await page.getByTestId('request-closed').getByText('此处暂不接收请求').waitFor();
  const answered = page.waitForResponse('**/intake/web');
  await page.goto(desk.address);
  await answered;
  await page.getByTestId('sign-in-email').waitFor();
  expect(await page.getByTestId('to-request').count()).toBe(0);
});

it('accepts a request without an account, and keeps the text when the page is reloaded', async () => {
  await enableRequestForm();
  const page = await desk.visitor('en-US');
  await page.getByTestId('to-request').click();
  await fillForm(page, 'Gate 3 does not open');
  await page.reload();
  expect(await page.getByTestId('request-title').inputValue()).toBe('Gate 3 does not open');
  expect(await page.getByTestId('request-description').inputValue()).toBe('The motor hums, nothing moves.');
  // Changing the language keeps the text.
  await page.getByTestId('language').selectOption('zh-CN');
  await page.getByRole('heading', { name: '提交问题' }).waitFor();
  expect(await page.getByTestId('request-contact').inputValue()).toBe('+86 139 0000 1234');
  await page.getByTestId('request-send').click();
  const token = await page.getByTestId('request-token').innerText();
  expect(token).toMatch(/^TKN-\w{6}-\w{5}$/);
  await page.getByText('+86 139 0000 1234').waitFor();
  // The number is kept after a reload, and the form is empty for the next request.
  await page.reload();
  expect(await page.getByTestId('request-token').innerText()).toBe(token);
  await page.getByTestId('request-another').click();
  expect(await page.getByTestId('request-title').inputValue()).toBe('');

  const admin = await desk.signedIn('admin');
  await admin.getByRole('search').getByRole('textbox').fill(token);
  await admin.getByRole('search').getByRole('button').click();
  await admin.getByRole('heading', { name: 'Gate 3 does not open' }).waitFor();
  await admin.getByText('+86 139 0000 1234').first().waitFor();
  await admin.getByTestId('main-nav').getByRole('link', { name: 'Settings' }).click();
  await admin.locator('[data-testid=gateway][data-gateway=web][data-state=WORKING]').getByText(`${desk.address}/request`).waitFor();
  expect(await admin.getByTestId('gateway').count()).toBe(6);
});

it('keeps the text when the network fails, and creates one ticket when it is sent twice', async () => {
  const page = await desk.visitor('en-US', `${desk.address}/request`);
  await fillForm(page, 'Crane 5 lost its brake');
  // The request arrives, but its response is lost.
  let arrived = '';
  await page.route('**/intake/web', async (route) => {
    if (route.request().method() !== 'POST') return route.continue();
    arrived = ((await (await route.fetch()).json()) as { ticket: string }).ticket;
    await route.abort();
  });
  await page.getByTestId('request-send').click();
  await problemNote(page, 'OFFLINE').waitFor();
  await page.unroute('**/intake/web');
  await page.reload();
  expect(await page.getByTestId('request-title').inputValue()).toBe('Crane 5 lost its brake');
  await page.getByTestId('request-send').click();
  expect(await page.getByTestId('request-token').innerText()).toBe(arrived);
});

it('replaces an invalid pass, and an administrator dismisses the quarantined submission', async () => {
  const page = await desk.visitor('en-US', `${desk.address}/request`);
  await fillForm(page, 'Lift 2 stands still');
  await page.route('**/intake/web', async (route) => {
    if (route.request().method() !== 'POST') return route.continue();
    const form = JSON.parse(route.request().postData() ?? '{}') as Record<string, string>;
    await route.continue({ postData: JSON.stringify({ ...form, pass: `${form['pass'] ?? ''}0` }) });
  });
  await page.getByTestId('request-send').click();
  await problemNote(page, 'EXPIRED').waitFor();
  const reference = await problemNote(page, 'EXPIRED').locator('code').innerText();
  await page.unroute('**/intake/web');
  await page.getByTestId('request-send').click();
  await page.getByTestId('request-token').waitFor();

  const admin = await desk.signedIn('admin');
  await admin.getByTestId('main-nav').getByRole('link', { name: 'Settings' }).click();
  const quarantined = admin.locator(`[data-testid=quarantined][data-id="${reference}"]`);
  await quarantined.getByText('Invalid signature').waitFor();
  await quarantined.getByTestId('quarantined-body').locator('summary').click();
  await quarantined.getByText('Lift 2 stands still').waitFor();
  await quarantined.getByTestId('dismiss').click();
  await admin.locator(`[data-id="${reference}"][data-state=DISMISSED]`).waitFor();
});

it('no page logged an error', () => {
  expect(desk.complaints).toEqual([]);
});
