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

const card = (page: Page, number: string, status?: string) =>
  page.locator(`${status ? `[data-status="${status}"] ` : ''}[data-testid="ticket-card"][data-number="${number}"]`);

/** Submits a ticket through the form. The tests wait for elements and never reload a page. */
async function submit(page: Page, title: string, description: string): Promise<string> {
  await page.getByTestId('main-nav').getByRole('link', { name: /New ticket|新建工单/ }).click();
  await page.getByTestId('new-title').fill(title);
  await page.getByTestId('new-description').fill(description);
  await page.getByTestId('new-submit').click();
  await page.waitForURL(/\/tickets\/\d+$/);
  return /\d+$/.exec(page.url())?.[0] ?? '';
}

it('the board shows without a reload that a ticket is created, moved and resolved', async () => {
  const board = await desk.signedIn('supervisor');
  await board.getByTestId('live').getByText('Live', { exact: true }).waitFor();
  const requester = await desk.signedIn('requester', 'zh-CN');
  const number = await submit(requester, '7 号线 PM-3300 报 E-721 停机', '输出中断，端子 X4 发热');
  await card(board, number, 'NEW').waitFor();

  const agent = await desk.signedIn('agent1', 'zh-CN');
  await agent.goto(`${desk.address}/tickets/${number}`);
  const cases = agent.getByTestId('similar-case');
  await cases.first().waitFor();
  expect(await cases.count()).toBe(3);
  expect(await cases.first().innerText()).toContain('E-721');
  await agent.getByTestId('action-ACCEPT').click();
  await card(board, number, 'IN_PROGRESS').waitFor();
  await requester.locator('[data-testid=status][data-status=IN_PROGRESS]').waitFor();

  // A ticket cannot be resolved without attribution: the button is disabled until a solution is chosen.
  await agent.getByTestId('action-RESOLVE').click();
  await agent.getByTestId('fault-type').selectOption('HARDWARE');
  await agent.getByTestId('root-cause').selectOption('L2_ENVIRONMENT');
  await agent.getByTestId('resolution').fill('紧固 X4 端子并重启');
  expect(await agent.getByTestId('attribution-submit').isDisabled()).toBe(true);
  await agent.getByTestId('solution-RESTART').check();
  await agent.getByTestId('attribution-submit').click();
  await card(board, number, 'RESOLVED').waitFor();
  await requester.getByText('紧固 X4 端子并重启').waitFor();
});

it('finds similar cases while the user types, including one that was just resolved', async () => {
  const agent = await desk.signedIn('agent2');
  const number = await submit(agent, 'Spindle QX-9001 overheats', 'Code QX-9001 after ten minutes');
  await agent.getByTestId('action-ACCEPT').click();
  await agent.getByTestId('action-RESOLVE').click();
  await agent.getByTestId('fault-type').selectOption('HARDWARE');
  await agent.getByTestId('root-cause').selectOption('L2_ENVIRONMENT');
  await agent.getByTestId('solution-REPLACE_PART').check();
  await agent.getByTestId('resolution').fill('Replaced the bearing.');
  await agent.getByTestId('attribution-submit').click();
  await agent.locator('[data-testid=status][data-status=RESOLVED]').waitFor();
  await agent.getByTestId('main-nav').getByRole('link', { name: 'New ticket' }).click();
  // A resolved ticket is searchable within a second. The loop types again until it is found.
  const found = agent.locator(`[data-testid=similar-case][data-number="${number}"]`);
  for (let typed = 'QX-9001 on the spindle'; !(await found.isVisible()); typed += '!') {
    await agent.getByTestId('new-title').fill(typed);
    await found.waitFor({ timeout: 2_000 }).catch(() => undefined);
  }
});

it('shows requesters neither internal comments nor similar cases', async () => {
  const requester = await desk.signedIn('requester');
  const number = await submit(requester, 'Label printer prints nothing', 'No paper comes out');
  const agent = await desk.signedIn('agent3');
  await agent.goto(`${desk.address}/tickets/${number}`);
  await agent.getByTestId('action-ACCEPT').click();
  await agent.locator('[data-testid=status][data-status=IN_PROGRESS]').waitFor();
  await agent.locator('form select').last().selectOption('INTERNAL');
  await agent.getByTestId('comment-body').fill('Known for its bad driver');
  await agent.getByTestId('comment-send').click();
  await agent.getByTestId('comment').getByText('Known for its bad driver').waitFor();
  await agent.locator('form select').last().selectOption('PUBLIC');
  await agent.getByTestId('comment-body').fill('We are looking at it');
  await agent.getByTestId('comment-send').click();
  await requester.getByTestId('comment').getByText('We are looking at it').waitFor();
  expect(await requester.getByText('Known for its bad driver').count()).toBe(0);
  expect(await requester.getByTestId('similar-case').count()).toBe(0);
});

it('switches the language of the page and of server messages', async () => {
  const page = await desk.visitor('zh-CN');
  await page.getByTestId('sign-in-email').fill('agent1@demo.test');
  await page.getByTestId('sign-in-password').fill('wrong-password');
  await page.getByTestId('sign-in-submit').click();
  await page.getByRole('alert').getByText(/[\u4e00-\u9fff]/).waitFor();
  await page.getByTestId('language').selectOption('en');
  await page.getByTestId('sign-in-submit').getByText('Sign in').waitFor();
  await page.getByTestId('sign-in-email').fill('agent1@demo.test');
  await page.getByTestId('sign-in-password').fill('buoy-demo');
  await page.getByTestId('sign-in-submit').click();
  await page.getByTestId('main-nav').getByText('Live board').waitFor();
  expect(await page.locator('html').getAttribute('lang')).toBe('en');
});

it('the board resumes and users stay signed in after the server was killed', async () => {
  const board = await desk.signedIn('supervisor');
  const live = board.getByTestId('live');
  await live.getByText('Live', { exact: true }).waitFor();
  const requester = await desk.signedIn('requester');
  await desk.crash(async () => {
    await live.getByText('connection lost').waitFor();
  });
  const number = await submit(requester, 'Scanner lost its network', 'Hall 3');
  await card(board, number, 'NEW').waitFor();
  await live.getByText('Live', { exact: true }).waitFor();
});

it('GraphiQL uses the session of the app', async () => {
  const agent = await desk.signedIn('agent1');
  const name = await agent.locator('.account span').innerText();
  await agent.goto(`${desk.address}/graphiql`);
  // GraphiQL runs queries only after it has loaded the schema; then the documentation lists the root types.
  await agent.getByRole('button', { name: 'Show Documentation Explorer' }).click();
  await agent.getByText('Root Types').waitFor();
  await agent.getByRole('button', { name: /Execute query/ }).click();
  await agent.locator('.graphiql-response').getByText(name).waitFor();

  // The query is run right after typing: it goes over the WebSocket and stays open.
  await agent.locator('.graphiql-query-editor .CodeMirror').click();
  await agent.keyboard.press('Control+A');
  await agent.keyboard.insertText('subscription { boardEvents { __typename } }');
  await agent.keyboard.press('Control+Enter');
  await agent.getByRole('button', { name: /Stop query/ }).waitFor();
  const requester = await desk.signedIn('requester');
  await submit(requester, 'Monitor flickers', 'Since this morning');
  await agent.locator('.graphiql-response').getByText('"BoardEvent"').waitFor();
});

it('shows the three layers of a period, and the tickets behind a figure', async () => {
  const supervisor = await desk.signedIn('supervisor');
  await supervisor.getByTestId('main-nav').getByRole('link', { name: 'Metrics' }).click();
  const layers = supervisor.getByTestId('layer');
  await layers.first().waitFor();
  expect(await layers.count()).toBe(3);
  expect(await layers.first().locator('.value').innerText()).toMatch(/%$/);
  expect(await supervisor.getByTestId('breakdown').locator('tbody tr').count()).toBeGreaterThan(1);
  await layers.first().getByRole('button', { name: /missed/ }).click();
  await supervisor.getByTestId('drill-down').getByRole('link', { name: /^#/ }).first().waitFor();
});

it('shows response gaps, and a supervisor adds a delegate for one', async () => {
  const supervisor = await desk.signedIn('supervisor');
  await supervisor.getByTestId('main-nav').getByRole('link', { name: 'Metrics' }).click();
  await supervisor.getByTestId('to-heatmap').click();
  const cells = supervisor.getByTestId('heatmap-cell');
  await cells.first().waitFor();
  expect(await cells.count()).toBe(7 * 48);
  // Moves with the keyboard: one day down, then to the end of the row.
  const figures = supervisor.getByTestId('heatmap-figures');
  await cells.first().focus();
  await supervisor.keyboard.press('ArrowDown');
  await supervisor.keyboard.press('End');
  await figures.getByText(/^Tue 23:30–24:00/).waitFor();
  await supervisor.getByRole('button', { name: 'Median first response' }).click();
  await supervisor.getByTestId('heatmap-legend').getByText('not answered yet').waitFor();
  await supervisor.getByTestId('gap-outline').first().waitFor();
  expect(await supervisor.getByTestId('gap-delegate').count()).toBe(0);

  // Selects agents until one has a gap for which a colleague can be delegated.
  const agents = await supervisor.getByTestId('agent').locator('option:not([value=""])').all();
  for (const agent of agents) {
    const answered = supervisor.waitForResponse((response) => response.request().postData()?.includes('query Heatmap(') ?? false);
    await supervisor.getByTestId('agent').selectOption(await agent.getAttribute('value'));
    await answered;
    await supervisor.getByRole('status').filter({ hasText: 'Loading' }).waitFor({ state: 'detached' });
    if (await supervisor.getByTestId('gap-delegate').count()) break;
  }
  await supervisor.getByTestId('gap-delegate').first().click();
  expect(await supervisor.getByTestId('delegation-to').inputValue()).not.toBe('');
  await supervisor.getByTestId('delegation-create').click();
  await supervisor.getByTestId('gap').getByText(/is the stand-in/).first().waitFor();

  for (const [format, name] of [['CSV', /^response-heatmap-.*\.csv$/], ['XLSX', /\.xlsx$/]] as const) {
    const file = supervisor.waitForEvent('download');
    await supervisor.getByTestId(`export-${format}`).click();
    expect((await file).suggestedFilename()).toMatch(name);
  }
});

it('an agent cites a solution and dismisses a case, and the requester rates the ticket', async () => {
  const requester = await desk.signedIn('requester', 'zh-CN');
  const number = await submit(requester, '5 号线 PM-3300 报 E-721 停机', '输出中断，端子发热');
  const agent = await desk.signedIn('agent1', 'zh-CN');
  await agent.goto(`${desk.address}/tickets/${number}`);
  await agent.getByTestId('action-ACCEPT').click();
  const cases = agent.getByTestId('similar-case');
  await cases.first().getByTestId('cite').click();
  await agent.getByTestId('citations').waitFor();
  const dismissedNumber = await cases.last().getAttribute('data-number');
  await cases.last().getByTestId('dismiss').selectOption('NOT_SIMILAR');
  await agent.getByText(`该工单不再显示 #${dismissedNumber}。`).waitFor();
  await agent.locator(`[data-testid=similar-case][data-number="${dismissedNumber}"]`).waitFor({ state: 'detached' });
  await agent.getByTestId('restore').click();
  await agent.locator(`[data-testid=similar-case][data-number="${dismissedNumber}"]`).waitFor();
  expect(await agent.getByTestId('similar-case').first().getByTestId('cite').isDisabled(), 'a case can be cited once').toBe(true);
  expect(await requester.getByTestId('citations').count(), 'requesters do not see citations').toBe(0);
  // The form is filled in from the cited case, says so, and is sent once the agent has checked it.
  await agent.getByTestId('action-RESOLVE').click();
  expect(await agent.getByTestId('cited-draft').innerText()).toMatch(/#\d+/);
  for (const field of ['fault-type', 'root-cause', 'resolution']) {
    expect(await agent.getByTestId(field).inputValue(), field).not.toBe('');
  }
  expect(await agent.locator('[data-testid^=solution-]:checked').count()).toBeGreaterThan(0);
  await agent.getByTestId('resolution').fill('紧固端子');
  await agent.getByTestId('attribution-submit').click();
  expect(await agent.getByTestId('cited-confirm').evaluate((box: HTMLInputElement) => box.validity.valueMissing), 'not checked yet').toBe(true);
  await agent.getByTestId('cited-confirm').check();
  await agent.getByTestId('attribution-submit').click();
  await requester.locator('[data-testid=status][data-status=RESOLVED]').waitFor();
  await requester.getByTestId('score-4').click();
  await requester.getByText('感谢评价').waitFor();
  await agent.locator('[data-testid=rating] [data-testid=score-4][aria-pressed=true]').waitFor();
});

it('publishes an automatically created knowledge card, and shows the health report of a month', async () => {
  const page = await desk.signedIn('supervisor');
  await page.getByTestId('nav-knowledge').click();
  const drafts = page.getByTestId('knowledge-card');
  await drafts.first().waitFor();
  await drafts.first().getByRole('link').click();
  await page.getByTestId('card-edit').click();
  await page.getByTestId('card-title').fill('Label printer refuses after an update');
  await page.getByTestId('card-save').click();
  await page.getByRole('heading', { name: 'Label printer refuses after an update' }).waitFor();
  await page.getByTestId('card-publish').click();
  await page.locator('[data-testid=card-state][data-state=PUBLISHED]').waitFor();
  await page.goto(`${desk.address}/reports/health`);
  await page.locator('[data-testid=health-figure]').first().waitFor();
  expect(await page.getByTestId('health-figure').count()).toBe(7);
  // The current month may have few tickets, so the test uses the previous one.
  await page.getByTestId('health-month').selectOption({ index: 1 });
  await page.locator('[data-figure=linkRate] [data-testid=drill-down-met]').click();
  await page.getByTestId('drill-down').getByRole('link').first().waitFor();
  expect(await page.getByTestId('causes').locator('li').count()).toBeGreaterThan(3);
  await page.getByTestId('escapes').locator('tr').first().waitFor();
});

it('an agent writes a knowledge card by hand', async () => {
  const page = await desk.signedIn('agent1');
  await page.getByTestId('nav-knowledge').click();
  await page.getByTestId('card-new').click();
  await page.getByTestId('card-title').fill('Spindle brake squeals after washing');
  await page.getByTestId('fault-type').selectOption('OPERATION');
  await page.getByTestId('root-cause').selectOption('L3_DESIGN_DEFECT');
  await page.getByTestId('card-solution').fill('1. Dry the brake\n2. Run it for ten minutes');
  await page.getByTestId('solution-RESTART').check();
  await page.getByTestId('card-create').click();
  await page.locator('[data-testid=card-state][data-state=DRAFT]').waitFor();
  await page.getByRole('heading', { name: 'Spindle brake squeals after washing' }).waitFor();
});

it('no page logged an error', () => {
  // The browser itself logs that it could not reach the server.
  expect(desk.complaints.filter((line) => !/WebSocket connection|ERR_CONNECTION/.test(line))).toEqual([]);
});
