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

async function submit(page: Page, title: string): Promise<string> {
  await page.getByTestId('main-nav').getByRole('link', { name: 'New ticket' }).click();
  await page.getByTestId('new-title').fill(title);
  await page.getByTestId('new-description').fill('It stands still.');
  await page.getByTestId('new-submit').click();
  await page.waitForURL(/\/tickets\/\d+$/);
  return /\d+$/.exec(page.url())?.[0] ?? '';
}

const nameOf = (page: Page) => page.getByTestId('nav-me').innerText();

/** What the page lets be heard is counted: there is nobody to listen. */
async function countBeeps(page: Page): Promise<void> {
  await page.evaluate(() => {
    document.body.dataset['beeps'] = '0';
    window.AudioContext = class extends AudioContext {
      override createOscillator() {
        document.body.dataset['beeps'] = String(Number(document.body.dataset['beeps']) + 1);
        return super.createOscillator();
      }
    };
  });
}

const beeps = (page: Page) => page.evaluate(() => Number(document.body.dataset['beeps']));

/** A policy that fires while somebody watches: the first level after some seconds, the others far off. */
async function hasten(admin: Page): Promise<void> {
  await admin.getByTestId('main-nav').getByRole('link', { name: 'Rules' }).click();
  const policy = admin.locator('[data-testid=policy][data-priority=NORMAL]');
  await policy.getByTestId('policy-edit').click();
  const level = (of: number) => policy.locator(`[data-testid=policy-level][data-level="${of}"]`);
  await level(1).locator('input[type=number]').fill('0.0015');
  const ticks = await level(2).locator('.ticks input').all();
  for (const tick of ticks) await tick.uncheck();
  // Reaches nobody: refused, and said at the levels.
  await policy.getByTestId('policy-save').click();
  await policy.getByText('Level 2 names no channel').waitFor();
  // Nothing is configured that would send it.
  await level(2).getByLabel('SMS').check();
  await policy.getByTestId('rehearse').click();
  await policy.locator('[data-testid=finding][data-kind=NO_SENDER]').waitFor();
  await level(2).getByLabel('E-mail').check();
  await policy.getByTestId('policy-save').click();
  await policy.getByText('version 2').waitFor();
}

it('tells an engineer wherever they are, and knows why a ticket goes unanswered', async () => {
  const agent = await desk.signedIn('agent1');
  const name = await nameOf(agent);
  await countBeeps(agent);
  const admin = await desk.signedIn('admin');
  await hasten(admin);
  const supervisor = await desk.signedIn('supervisor');
  const requester = await desk.signedIn('requester');
  const number = await submit(requester, 'Press 4 stands still');

  await supervisor.goto(`${desk.address}/tickets/${number}`);
  await supervisor.locator('[data-testid=verdict][data-reason=NOBODY_ASSIGNED]').waitFor();
  // By somebody whom no alarm reaches: on the supervisor's page one may lie over what is to be clicked.
  await admin.goto(`${desk.address}/tickets/${number}`);
  await admin.getByTestId('action-ASSIGN').click();
  await admin.locator('.people').getByText(name).click();
  await admin.locator('form .primary').click();

  // The float counts it and a message comes, on the page that the agent happens to be on.
  const list = agent.getByTestId('todo-ticket').filter({ hasText: `#${number}` });
  await agent.getByTestId('toast').getByText(`#${number}`).waitFor();
  await agent.getByTestId('todo-pill').click();
  await list.waitFor();
  expect(Number(await agent.getByTestId('todo-unread').innerText())).toBeGreaterThanOrEqual(1);

  // Nobody answers: level 1 fires, stays on the screen, and the message is known to have arrived.
  const alarm = agent.getByTestId('alarm').getByText(`#${number}`);
  await alarm.waitFor();
  // Two beeps for each alarm: in office hours the demo's story may have some of its own for them.
  await expect.poll(() => beeps(agent)).toBeGreaterThanOrEqual(2);
  await supervisor.locator('[data-testid=step][data-state=FIRED]').waitFor();
  await supervisor.locator('[data-testid=verdict][data-reason=NOT_OPENED]').waitFor();
  await agent.reload();
  await alarm.waitFor();
  // Unfolded still, as it was left.
  await list.waitFor();

  // Its link leads to the ticket; having been opened, it is a fact that it was.
  await alarm.click();
  await agent.waitForURL(new RegExp(`/tickets/${number}$`));
  await alarm.waitFor({ state: 'detached' });
  await supervisor.locator('[data-testid=verdict][data-reason=OPENED_AND_LEFT]').waitFor();

  // An alarm of the demo's may lie over it.
  await agent.getByTestId('action-ACCEPT').dispatchEvent('click');
  await list.waitFor({ state: 'detached' });
  await supervisor.getByTestId('verdict').waitFor({ state: 'detached' });
  await supervisor.locator('[data-testid=sla-clock][data-state=MET]').waitFor();

  // Whoever needs help is shown none of it.
  await requester.locator('[data-testid=status][data-status=IN_PROGRESS]').waitFor();
  expect(await requester.getByTestId('watch').count()).toBe(0);
  expect(await requester.getByTestId('notification').count()).toBe(0);
  expect(await requester.getByTestId('todo-pill').count()).toBe(0);
});

it('lets somebody say how they are reached, when they are away, and who stands in', async () => {
  const agent = await desk.signedIn('agent2');
  await agent.getByTestId('nav-me').click();
  await agent.getByTestId('terminal-channel').selectOption('SMS');
  await agent.getByTestId('terminal-address').fill('no number');
  await agent.getByTestId('terminal-bind').click();
  await agent.getByRole('alert').getByText('no telephone number').waitFor();
  await agent.getByTestId('terminal-address').fill('13800138000');
  await agent.getByTestId('terminal-bind').click();
  await agent.getByTestId('terminals').getByText('13800138000').waitFor();
  const number = agent.getByTestId('terminals').getByRole('listitem').filter({ hasText: '13800138000' });
  await number.getByRole('button', { name: 'Unbind' }).click();
  await number.waitFor({ state: 'detached' });

  await agent.getByTestId('quiet-from').fill('22:00');
  await agent.getByTestId('quiet-to').fill('07:00');
  await agent.getByTestId('preference-save').click();
  await agent.getByText('Saved.').waitFor();

  const duty = agent.getByTestId('duty');
  await duty.getByText('Note an absence').first().click();
  await agent.getByTestId('absence-create').click();
  await agent.getByTestId('absence').getByText('away now').waitFor();
  await agent.getByTestId('absence').getByRole('button').click();
  await agent.getByTestId('absence').waitFor({ state: 'detached' });

  await duty.getByText('Name somebody who stands in').first().click();
  await agent.getByTestId('delegation-to').selectOption({ index: 1 });
  await agent.getByTestId('delegation-first').fill('2030-01-01');
  await agent.getByTestId('delegation-last').fill('2030-01-02');
  await agent.getByTestId('delegation-create').click();
  await agent.getByTestId('delegation').getByText('→').waitFor();
  await agent.getByTestId('delegation').getByRole('button').click();
  await agent.getByTestId('delegation').waitFor({ state: 'detached' });

  // As it was left, on a page that is loaded anew.
  await agent.reload();
  await agent.getByTestId('quiet-from').waitFor();
  expect(await agent.getByTestId('quiet-from').inputValue()).toBe('22:00');
});

it('changes a service level in both languages, and shows a supervisor what runs out', async () => {
  const admin = await desk.signedIn('admin', 'zh-CN');
  await admin.getByTestId('main-nav').getByRole('link', { name: '规则' }).click();
  const row = admin.locator('[data-testid=sla-policy][data-key=DEFAULT]');
  await row.getByText('默认').waitFor();
  await row.getByRole('button').click();
  await admin.getByTestId('sla-minutes').fill('20');
  await admin.getByTestId('sla-save').click();
  await row.getByText('20分钟').waitFor();
  await row.getByText('默认').waitFor();
  await admin.getByTestId('language').selectOption('en');
  await row.getByText('Default').waitFor();
  await row.getByText('20 min').waitFor();

  const supervisor = await desk.signedIn('supervisor');
  await supervisor.getByTestId('breaches').getByText(/overdue/).first().waitFor();
  // Rules are theirs to read, not to change.
  await supervisor.getByTestId('main-nav').getByRole('link', { name: 'Rules' }).click();
  await supervisor.getByTestId('rehearse').first().waitFor();
  expect(await supervisor.getByTestId('policy-edit').count()).toBe(0);
  const agent = await desk.signedIn('agent3');
  expect(await agent.getByTestId('main-nav').getByRole('link', { name: 'Rules' }).count()).toBe(0);
});

it('no page complained', () => {
  expect(desk.complaints).toEqual([]);
});
