/**
 * <buoy-todo>: how many of my tickets are unread and how long the longest waits, in a corner of somebody else's page.
 * The page gives it a token whenever it asks by `buoy-token`.
 */
import { open, type Memory, type Todo } from './line';
import { claims } from './token';
import { view } from './view';
import { spoken } from './words';

/** Where this script came from, known only while it is run. */
const SOURCE = (document.currentScript as HTMLScriptElement | null)?.src ?? location.href;

/** A token that has less than this left is asked for anew. */
const MARGIN_MS = 60_000;
/** Nobody answered: the page may not have listened yet, or could not get one. */
const ASK_AGAIN_MS = 30_000;
/** A page whose tokens are never good is not asked without end. */
const ASK_LEAST_MS = 10_000;

interface Line {
  token: string;
  close: () => void;
}

class BuoyTodo extends HTMLElement {
  static readonly observedAttributes = ['token', 'server', 'lang', 'corner'];

  /** Whether it stands in the page and all of its attributes have been read. */
  #placed = false;
  #token = '';
  /** A token that the server did not take: it is not tried again. */
  #refused = '';
  /** Whose it is. */
  #of: string | null = null;
  #memory: Memory | null = null;
  #line: Line | null = null;
  /** One that is to take the place of `#line` as soon as it hears as much. */
  #next: Line | null = null;
  #askedAt = 0;
  #asking: ReturnType<typeof setTimeout> | undefined;
  #tick: ReturnType<typeof setInterval> | undefined;
  #todo: Todo | null = null;
  #since: number | null = null;
  #live = false;

  readonly #view = view(this.attachShadow({ mode: 'open' }), () => ({
    language: this.#language,
    base: this.#base,
    corner: this.corner,
    live: this.#live,
    todo: this.#todo,
    since: this.#since,
  }));

  get token(): string {
    return this.#token;
  }

  set token(token: string | null) {
    this.#token = token ?? '';
    if (this.#placed) this.#connect();
  }

  get server(): string {
    return this.getAttribute('server') ?? '';
  }

  set server(server: string) {
    this.setAttribute('server', server);
  }

  get corner(): string {
    return this.getAttribute('corner') ?? '';
  }

  set corner(corner: string) {
    this.setAttribute('corner', corner);
  }

  connectedCallback(): void {
    // Set before this script was there: they hide what stands above.
    for (const name of ['token', 'server', 'corner'] as const) {
      const value = this[name];
      if (Reflect.ownKeys(this).includes(name) && Reflect.deleteProperty(this, name)) this[name] = value;
    }
    this.#placed = true;
    this.#tick = setInterval(this.#view.count, 1_000);
    this.#view.draw();
    this.#connect();
  }

  disconnectedCallback(): void {
    this.#placed = false;
    this.#hangUp();
    clearInterval(this.#tick);
    clearTimeout(this.#asking);
  }

  attributeChangedCallback(name: string, was: string | null, value: string | null): void {
    if (was === value) return;
    if (name === 'token') this.token = value;
    else if (this.#placed) {
      this.#view.draw();
      // The server says what somebody is told in their language.
      if (name !== 'corner') this.#connect(true);
    }
  }

  get #language() {
    return spoken([this.getAttribute('lang'), document.documentElement.lang, ...navigator.languages]);
  }

  /** Where the server is, without a slash at its end; empty where that is no address of the web. */
  get #base(): string {
    try {
      const { href, protocol } = new URL(this.server || new URL('.', SOURCE), location.href);
      return /^https?:$/.test(protocol) ? href.replace(/\/+$/, '') : '';
    } catch {
      return '';
    }
  }

  /** A line with the token as it is now, unless there is one. */
  #connect(anew = false): void {
    clearTimeout(this.#asking);
    const token = this.#token;
    const { endsAt, of } = claims(token);
    if (!this.#memory || !token || of !== this.#of) this.#begin(of);
    if (!token || token === this.#refused) return this.#ask(0);
    if (endsAt !== null) this.#ask(endsAt - MARGIN_MS - Date.now());
    const base = this.#base;
    const memory = this.#memory;
    if (!base || !memory || (!anew && (this.#next ?? this.#line)?.token === token)) return;
    this.#next?.close();
    const line: Line = { token, close: () => undefined };
    this.#next = line;
    line.close = open(`${base.replace('http', 'ws')}/graphql`, token, this.#language, memory, {
      todo: (todo) => {
        if (this.#next === line) {
          // Only now: until here the one before was listening.
          this.#line?.close();
          this.#line = line;
          this.#next = null;
        }
        this.#live = true;
        this.#todo = todo;
        this.#since = todo.longestWaitSeconds === null ? null : Date.now() - todo.longestWaitSeconds * 1000;
        this.#view.figures();
      },
      told: (told) => {
        this.#keep(told.id);
        this.#view.tell(told);
      },
      lost: () => {
        if (this.#line && this.#next === line) return;
        this.#live = false;
        this.#view.figures();
      },
      refused: () => {
        this.#refused = token;
        if (this.#next === line) this.#next = null;
        else this.#line = null;
        if (this.#token === token) this.#ask(0);
      },
    });
  }

  #hangUp(): void {
    this.#line?.close();
    this.#next?.close();
    this.#line = this.#next = null;
    this.#live = false;
  }

  /** Asks the page for a token, and again until it gives one. */
  #ask(after: number): void {
    clearTimeout(this.#asking);
    this.#asking = setTimeout(() => {
      this.#askedAt = Date.now();
      this.#ask(ASK_AGAIN_MS);
      this.dispatchEvent(new CustomEvent('buoy-token', { bubbles: true, composed: true }));
    }, Math.max(after, this.#askedAt + ASK_LEAST_MS - Date.now()));
  }

  /** Somebody's turn: nothing of whoever was there before stays. */
  #begin(of: string): void {
    this.#hangUp();
    this.#of = of;
    this.#todo = this.#since = null;
    this.#memory = { after: this.#keep(), heard: new Set(), owed: new Set() };
    this.#view.clear();
  }

  /** The last notification heard, kept for the next page of this tab. */
  #keep(id?: string): string | null {
    const place = `buoy-todo ${this.#base} ${this.#of}`;
    try {
      if (id) sessionStorage.setItem(place, id);
      return sessionStorage.getItem(place);
    } catch {
      // No storage here: from now on.
      return null;
    }
  }
}

// A page that carries the script twice has one element.
if (!customElements.get('buoy-todo')) customElements.define('buoy-todo', BuoyTodo);
