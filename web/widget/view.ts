/** What the element shows. Text becomes text, never markup. */
import { beep } from './beep';
import type { Todo, Told } from './line';
import { span, WORDS, type Language } from './words';
import css from './widget.css?inline';

const TOAST_MS = 10_000;
const TOASTS_MAX = 3;
const ALARM = /^ESCALATION_(\d)$/;
const OVER = /^(RESOLVED|CLOSED|CANCELLED)$/;

/** How the element stands now. */
export interface Standing {
  language: Language;
  /** Where tickets are. */
  base: string;
  corner: string;
  live: boolean;
  todo: Todo | null;
  /** Since when the one waits that waits longest. */
  since: number | null;
}

function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  given: Partial<HTMLElementTagNameMap[K]> = {},
  ...inside: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = Object.assign(document.createElement(tag), given);
  made.append(...inside);
  return made;
}

export function view(shadow: ShadowRoot, standing: () => Standing) {
  let alarms: Told[] = [];
  const toasts = make('div', { className: 'toasts', role: 'status' });
  const list = make('ul', { className: 'list', hidden: true });
  const wait = make('strong');
  const pill = make('button', { className: 'pill', type: 'button', ariaExpanded: 'false' });
  const root = make('section', {}, toasts, list, pill);
  const alarm = make('div', { className: 'alarm', role: 'alertdialog', tabIndex: -1 });
  alarm.setAttribute('aria-describedby', 'told');
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  // Not a <style>: the page's policy may forbid those.
  shadow.adoptedStyleSheets = [sheet];
  shadow.append(alarm, root);

  const unfold = (open: boolean) => {
    list.hidden = !open;
    pill.ariaExpanded = String(open);
  };
  pill.onclick = () => unfold(pill.ariaExpanded === 'false');
  root.onkeydown = ({ key }) => {
    if (key === 'Escape') unfold(false);
  };
  const dismiss = () => {
    alarms = [];
    warn();
  };
  alarm.onkeydown = ({ key }) => {
    if (key === 'Escape') dismiss();
  };

  const link = (number: number, text: string) =>
    make('a', { href: `${standing().base}/tickets/${number}`, target: '_blank', rel: 'noopener' }, text);
  const about = ({ title, ticket }: Told) => (ticket ? link(ticket.number, title) : title);

  /** The wait goes on by itself. */
  const count = () => {
    const { language, since } = standing();
    wait.textContent = since === null ? '' : WORDS[language].longest + span((Date.now() - since) / 1000, language);
  };

  const draw = () => {
    const { language, corner, live, todo } = standing();
    const words = WORDS[language];
    root.hidden = !todo;
    root.className = `root ${corner.replace('-', ' ')}${live ? ' live' : ''}`;
    root.lang = language;
    root.ariaLabel = words.title;
    pill.title = live ? '' : words.lost;
    if (!todo) return;
    const { unread, count: all, tickets } = todo;
    const nothing = make('span', { className: 'quiet' }, words.nothing);
    const figures = [make('b', { className: unread ? 'some' : '' }, String(unread)), words.unread + String(all), wait];
    pill.replaceChildren(make('i'), ...(all ? figures : [nothing]));
    // Whoever stands on a link stays on it.
    const focused = (shadow.activeElement as HTMLAnchorElement | null)?.href;
    list.replaceChildren(
      ...tickets.map(({ number, title, priority }) => {
        const urgent = priority === 'URGENT' || priority === 'HIGH' ? [' ', make('small', {}, words[priority])] : [];
        return make('li', { className: priority }, link(number, `#${number} ${title}`), ...urgent);
      }),
      ...(all > tickets.length || !all ? [make('li', { className: 'quiet' }, all ? words.more + String(all - tickets.length) : words.nothing)] : []),
    );
    if (focused) [...list.querySelectorAll('a')].find(({ href }) => href === focused)?.focus();
    count();
  };

  /** Drawn only when they change, so that whoever stands on one stays there. */
  const warn = () => {
    const { language } = standing();
    const words = WORDS[language];
    alarm.lang = language;
    alarm.hidden = !alarms.length;
    alarm.ariaLabel = words.alarm;
    alarm.replaceChildren(
      make('h1', {}, words.alarm),
      make(
        'ul',
        { id: 'told' },
        ...alarms.map((told) =>
          make('li', {}, make('small', {}, words.level + told.cause.slice(-1)), ' ', about(told), make('p', { className: 'quiet' }, told.body)),
        ),
      ),
      make('button', { type: 'button', onclick: dismiss }, words.seen),
    );
  };

  const tell = (told: Told) => {
    const { id, cause, ticket } = told;
    if (ALARM.test(cause) && !(ticket && OVER.test(ticket.status))) {
      // A higher level stands in the place of the one before.
      alarms = alarms.filter((other) => other.id !== id && (!ticket || other.ticket?.number !== ticket.number)).concat(told);
      warn();
      // Whoever is writing is not torn away from it.
      if (document.activeElement === document.body) alarm.focus();
      try {
        beep();
      } catch {
        // It is seen.
      }
      return;
    }
    const toast = make('p', { className: 'toast' }, about(told));
    toasts.append(toast);
    if (toasts.childElementCount > TOASTS_MAX) toasts.firstChild?.remove();
    setTimeout(() => toast.remove(), TOAST_MS);
  };

  return {
    count,
    tell,
    /** Everything anew: another language, another corner, other figures. */
    draw: () => {
      draw();
      warn();
    },
    /** What changes by itself. */
    figures: draw,
    /** Nothing of it stays. */
    clear: () => {
      toasts.replaceChildren();
      dismiss();
      draw();
    },
  };
}
