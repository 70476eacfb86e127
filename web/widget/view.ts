/** The element's user interface. Text is inserted as text, never as markup. */
import { beep } from './beep';
import type { Todo, TodoNotification } from './socket';
import { formatDuration, MESSAGES, type Language } from './messages';
import css from './widget.css?inline';

const TOAST_MS = 10_000;
const TOASTS_MAX = 3;
const ALARM = /^ESCALATION_(\d)$/;
const ENDED = /^(RESOLVED|CLOSED|CANCELLED)$/;

/** The state that the view shows. */
export interface ViewState {
  language: Language;
  /** The base address of ticket links. */
  base: string;
  corner: string;
  live: boolean;
  todo: Todo | null;
  /** When the longest wait began. */
  waitingSince: number | null;
}

function createNode<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Partial<HTMLElementTagNameMap[K]> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const node = Object.assign(document.createElement(tag), props);
  node.append(...children);
  return node;
}

export function createView(shadow: ShadowRoot, state: () => ViewState) {
  let alarms: TodoNotification[] = [];
  const toasts = createNode('div', { className: 'toasts', role: 'status' });
  const list = createNode('ul', { className: 'list', hidden: true });
  const wait = createNode('strong');
  const pill = createNode('button', { className: 'pill', type: 'button', ariaExpanded: 'false' });
  const root = createNode('section', {}, toasts, list, pill);
  const alarm = createNode('div', { className: 'alarm', role: 'alertdialog', tabIndex: -1 });
  alarm.setAttribute('aria-describedby', 'alarms');
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  // Not a <style> element, because the page's content security policy may forbid it.
  shadow.adoptedStyleSheets = [sheet];
  shadow.append(alarm, root);

  const setListOpen = (open: boolean) => {
    list.hidden = !open;
    pill.ariaExpanded = String(open);
  };
  pill.onclick = () => setListOpen(pill.ariaExpanded === 'false');
  root.onkeydown = ({ key }) => {
    if (key === 'Escape') setListOpen(false);
  };
  const dismiss = () => {
    alarms = [];
    drawAlarms();
  };
  alarm.onkeydown = ({ key }) => {
    if (key === 'Escape') dismiss();
  };

  const link = (number: number, text: string) =>
    createNode('a', { href: `${state().base}/tickets/${number}`, target: '_blank', rel: 'noopener' }, text);
  const titleOf = ({ title, ticket }: TodoNotification) => (ticket ? link(ticket.number, title) : title);

  /** Updates the wait, which grows without an event. */
  const updateWait = () => {
    const { language, waitingSince } = state();
    wait.textContent = waitingSince === null ? '' : MESSAGES[language].longest + formatDuration((Date.now() - waitingSince) / 1000, language);
  };

  const drawTodo = () => {
    const { language, corner, live, todo } = state();
    const messages = MESSAGES[language];
    root.hidden = !todo;
    root.className = `root ${corner.replace('-', ' ')}${live ? ' live' : ''}`;
    root.lang = language;
    root.ariaLabel = messages.title;
    pill.title = live ? '' : messages.lost;
    if (!todo) return;
    const { unread, count: total, tickets } = todo;
    const nothing = createNode('span', { className: 'quiet' }, messages.nothing);
    const figures = [createNode('b', { className: unread ? 'some' : '' }, String(unread)), messages.unread + String(total), wait];
    pill.replaceChildren(createNode('i'), ...(total ? figures : [nothing]));
    // Keeps the focus on the same link.
    const focused = (shadow.activeElement as HTMLAnchorElement | null)?.href;
    list.replaceChildren(
      ...tickets.map(({ number, title, priority }) => {
        const urgent = priority === 'URGENT' || priority === 'HIGH' ? [' ', createNode('small', {}, messages[priority])] : [];
        return createNode('li', { className: priority }, link(number, `#${number} ${title}`), ...urgent);
      }),
      ...(total > tickets.length || !total ? [createNode('li', { className: 'quiet' }, total ? messages.more + String(total - tickets.length) : messages.nothing)] : []),
    );
    if (focused) [...list.querySelectorAll('a')].find(({ href }) => href === focused)?.focus();
    updateWait();
  };

  /** Redrawn only when the alarms change, so that the focus stays. */
  const drawAlarms = () => {
    const { language } = state();
    const messages = MESSAGES[language];
    alarm.lang = language;
    alarm.hidden = !alarms.length;
    alarm.ariaLabel = messages.alarm;
    alarm.replaceChildren(
      createNode('h1', {}, messages.alarm),
      createNode(
        'ul',
        { id: 'alarms' },
        ...alarms.map((notification) =>
          createNode('li', {}, createNode('small', {}, messages.level + notification.cause.slice(-1)), ' ', titleOf(notification), createNode('p', { className: 'quiet' }, notification.body)),
        ),
      ),
      createNode('button', { type: 'button', onclick: dismiss }, messages.seen),
    );
  };

  const showNotification = (notification: TodoNotification) => {
    const { id, cause, ticket } = notification;
    if (ALARM.test(cause) && !(ticket && ENDED.test(ticket.status))) {
      // A higher level replaces the alarm of a lower one.
      alarms = alarms.filter((other) => other.id !== id && (!ticket || other.ticket?.number !== ticket.number)).concat(notification);
      drawAlarms();
      // Does not take the focus from an input field.
      if (document.activeElement === document.body) alarm.focus();
      try {
        beep();
      } catch {
        // The alarm is still visible.
      }
      return;
    }
    const toast = createNode('p', { className: 'toast' }, titleOf(notification));
    toasts.append(toast);
    if (toasts.childElementCount > TOASTS_MAX) toasts.firstChild?.remove();
    setTimeout(() => toast.remove(), TOAST_MS);
  };

  return {
    updateWait,
    showNotification,
    /** Redraws everything: language, corner or data changed. */
    draw: () => {
      drawTodo();
      drawAlarms();
    },
    /** Redraws the to-do list only. */
    drawTodo,
    /** Removes everything. */
    clear: () => {
      toasts.replaceChildren();
      dismiss();
      drawTodo();
    },
  };
}
