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

/** Counts oscillators, because a test cannot hear the beeps. */
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

/** Sets the first escalation level to a few seconds and leaves the others at hours. */
async function shortenFirstLevel(admin: Page): Promise<void> {
  await admin.getByTestId('main-nav').getByRole('link', { name: 'Settings' }).click();
  const policy = admin.locator('[data-testid=policy][data-priority=NORMAL]');
  await policy.getByTestId('policy-edit').click();
  const level = (levelNumber: number) => policy.locator(`[data-testid=policy-level][data-level="${levelNumber}"]`);
  await level(1).locator('input[type=number]').fill('0.0015');
  const ticks = await level(2).locator('.ticks input').all();
  for (const tick of ticks) await tick.uncheck();
  // The level has no channel, so the server refuses it and the form shows the error.
  await policy.getByTestId('policy-save').click();
  await policy.getByText('Level 2 has no channel').waitFor();
  // No SMS sender is configured, so the simulation reports it.
  await level(2).getByLabel('SMS').check();
  await policy.getByTestId('simulate').click();
  await policy.locator('[data-testid=finding][data-kind=NO_SENDER]').waitFor();
  await level(2).getByLabel('E-mail').check();
  await policy.getByTestId('policy-save').click();
  await policy.getByText('version 2').waitFor();
}

it('notifies the assignee on any page, and shows why a ticket has no response', async () => {
  const agent = await desk.signedIn('agent1');
  const name = await nameOf(agent);
  await countBeeps(agent);
  const admin = await desk.signedIn('admin');
  await shortenFirstLevel(admin);
  const supervisor = await desk.signedIn('supervisor');
  const requester = await desk.signedIn('requester');
  const number = await submit(requester, 'Press 4 stands still');

  await supervisor.goto(`${desk.address}/tickets/${number}`);
  await supervisor.locator('[data-testid=verdict][data-reason=NOBODY_ASSIGNED]').waitFor();
  // The administrator assigns the ticket, because an alarm dialog may cover the buttons on the supervisor's page.
  await admin.goto(`${desk.address}/tickets/${number}`);
  await admin.getByTestId('action-ASSIGN').click();
  await admin.locator('.people').getByText(name).click();
  await admin.locator('form .primary').click();

  // The float counts the ticket and a toast appears, on the page that the agent has open.
  const todoEntry = agent.getByTestId('todo-ticket').filter({ hasText: `#${number}` });
  await agent.getByTestId('toast').getByText(`#${number}`).waitFor();
  await agent.getByTestId('todo-pill').click();
  await todoEntry.waitFor();
  expect(Number(await agent.getByTestId('todo-unread').innerText())).toBeGreaterThanOrEqual(1);

  // Level 1 fires without a response. The alarm stays on the screen and its delivery is recorded.
  const alarm = agent.getByTestId('alarm').getByText(`#${number}`);
  await alarm.waitFor();
  // Two beeps for each alarm. During office hours the demo data may cause further alarms for the agent.
  await expect.poll(() => beeps(agent)).toBeGreaterThanOrEqual(2);
  await supervisor.locator('[data-testid=step][data-state=FIRED]').waitFor();
  await supervisor.locator('[data-testid=verdict][data-reason=NOT_OPENED]').waitFor();
  await agent.reload();
  await alarm.waitFor();
  // The float is still expanded after the reload.
  await todoEntry.waitFor();

  // The alarm links to the ticket; opening it is recorded.
  await alarm.click();
  await agent.waitForURL(new RegExp(`/tickets/${number}$`));
  await alarm.waitFor({ state: 'detached' });
  await supervisor.locator('[data-testid=verdict][data-reason=OPENED_AND_LEFT]').waitFor();

  // A demo alarm may cover the button.
  await agent.getByTestId('action-ACCEPT').dispatchEvent('click');
  await todoEntry.waitFor({ state: 'detached' });
  await supervisor.getByTestId('verdict').waitFor({ state: 'detached' });
  await supervisor.locator('[data-testid=sla-clock][data-state=MET]').waitFor();

  // Requesters see none of it.
  await requester.locator('[data-testid=status][data-status=IN_PROGRESS]').waitFor();
  expect(await requester.getByTestId('monitoring').count()).toBe(0);
  expect(await requester.getByTestId('notification').count()).toBe(0);
  expect(await requester.getByTestId('todo-pill').count()).toBe(0);
});

it('users edit contact channels, quiet hours, absences and delegations', async () => {
  const agent = await desk.signedIn('agent2');
  await agent.getByTestId('nav-me').click();
  await agent.getByTestId('terminal-channel').selectOption('SMS');
  await agent.getByTestId('terminal-address').fill('no number');
  await agent.getByTestId('terminal-bind').click();
  await agent.getByRole('alert').getByText('not a valid phone number').waitFor();
  await agent.getByTestId('terminal-address').fill('13800138000');
  await agent.getByTestId('terminal-bind').click();
  // No code can be sent here, and nothing is connected unproved.
  await agent.getByRole('alert').getByText('Ask an administrator').waitFor();
  await agent.getByTestId('terminal-channel').selectOption('WEB');
  await agent.getByTestId('terminal-bind').click();
  const bound = agent.getByTestId('terminals').getByRole('listitem').filter({ has: agent.getByRole('button', { name: 'Disconnect' }) });
  await bound.first().waitFor();
  await bound.first().getByRole('button', { name: 'Disconnect' }).click();
  await bound.first().waitFor({ state: 'detached' });

  await agent.getByTestId('quiet-from').fill('22:00');
  await agent.getByTestId('quiet-to').fill('07:00');
  await agent.getByTestId('preference-save').click();
  await agent.getByText('Saved.').waitFor();

  const availability = agent.getByTestId('availability');
  await availability.getByText('Add time off').first().click();
  await agent.getByTestId('absence-create').click();
  await agent.getByTestId('absence').getByText('away now').waitFor();
  await agent.getByTestId('absence').getByRole('button').click();
  await agent.getByTestId('absence').waitFor({ state: 'detached' });

  await availability.getByText('Add stand-in').first().click();
  await agent.getByTestId('delegation-to').selectOption({ index: 1 });
  await agent.getByTestId('delegation-first').fill('2030-01-01');
  await agent.getByTestId('delegation-last').fill('2030-01-02');
  await agent.getByTestId('delegation-create').click();
  await agent.getByTestId('delegation').getByText('→').waitFor();
  await agent.getByTestId('delegation').getByRole('button').click();
  await agent.getByTestId('delegation').waitFor({ state: 'detached' });

  // The setting is kept after a reload.
  await agent.reload();
  await agent.getByTestId('quiet-from').waitFor();
  expect(await agent.getByTestId('quiet-from').inputValue()).toBe('22:00');
});

it('saves an SLA policy in both languages, and shows a supervisor the upcoming breaches', async () => {
  const admin = await desk.signedIn('admin', 'zh-CN');
  await admin.getByTestId('main-nav').getByRole('link', { name: '设置' }).click();
  const row = admin.locator('[data-testid=sla-policy][data-key=DEFAULT]');
  await row.getByText('默认').waitFor();
  await row.getByRole('button').click();
  await admin.getByTestId('sla-minutes').fill('20');
  await admin.getByTestId('sla-save').click();
  await row.getByText('20 分钟').waitFor();
  await row.getByText('默认').waitFor();
  await admin.getByTestId('language').selectOption('en');
  await row.getByText('Default').waitFor();
  await row.getByText('20 min').waitFor();

  const supervisor = await desk.signedIn('supervisor');
  await supervisor.getByTestId('breaches').getByText(/overdue/).first().waitFor();
  // Supervisors can read the settings but not change them.
  await supervisor.getByTestId('main-nav').getByRole('link', { name: 'Settings' }).click();
  await supervisor.getByTestId('simulate').first().waitFor();
  expect(await supervisor.getByTestId('policy-edit').count()).toBe(0);
  const agent = await desk.signedIn('agent3');
  expect(await agent.getByTestId('main-nav').getByRole('link', { name: 'Settings' }).count()).toBe(0);
});

it('no page logged an error', () => {
  expect(desk.complaints).toEqual([]);
});
