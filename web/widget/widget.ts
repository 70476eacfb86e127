/**
 * <buoy-todo>: a float with the number of unread tickets and the longest wait, in a corner of any web page. It requests
 * tokens from the page with the event `buoy-token`.
 */
import { connect, type ResumeState, type Todo } from './socket';
import { readClaims } from './token';
import { createView } from './view';
import { pickLanguage } from './messages';

/** The URL of this script; available only while it runs. */
const SCRIPT_URL = (document.currentScript as HTMLScriptElement | null)?.src ?? location.href;

/** A token with less time left than this is renewed. */
const REFRESH_MARGIN_MS = 60_000;
/** The page did not answer: it may not listen yet, or could not get a token. */
const ASK_AGAIN_MS = 30_000;
/** Limits the requests to a page whose tokens are never accepted. */
const ASK_INTERVAL_MIN_MS = 10_000;

interface Connection {
  token: string;
  close: () => void;
}

class BuoyTodo extends HTMLElement {
  static readonly observedAttributes = ['token', 'server', 'lang', 'corner'];

  /** Whether the element is in the document with all attributes read. */
  #attached = false;
  #token = '';
  /** A token that the server rejected; it is not tried again. */
  #refusedToken = '';
  /** The user of the current token. */
  #subject: string | null = null;
  #resume: ResumeState | null = null;
  #connection: Connection | null = null;
  /** The connection that replaces `#connection` once it receives data. */
  #nextConnection: Connection | null = null;
  #askedAt = 0;
  #askTimer: ReturnType<typeof setTimeout> | undefined;
  #waitTimer: ReturnType<typeof setInterval> | undefined;
  #todo: Todo | null = null;
  #waitingSince: number | null = null;
  #live = false;

  readonly #view = createView(this.attachShadow({ mode: 'open' }), () => ({
    language: this.#language,
    base: this.#base,
    corner: this.corner,
    live: this.#live,
    todo: this.#todo,
    waitingSince: this.#waitingSince,
  }));

  get token(): string {
    return this.#token;
  }

  set token(token: string | null) {
    this.#token = token ?? '';
    if (this.#attached) this.#connect();
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
    // Properties set before the script was loaded hide the accessors of the class.
    for (const name of ['token', 'server', 'corner'] as const) {
      const value = this[name];
      if (Reflect.ownKeys(this).includes(name) && Reflect.deleteProperty(this, name)) this[name] = value;
    }
    this.#attached = true;
    this.#waitTimer = setInterval(this.#view.updateWait, 1_000);
    this.#view.draw();
    this.#connect();
  }

  disconnectedCallback(): void {
    this.#attached = false;
    this.#disconnect();
    clearInterval(this.#waitTimer);
    clearTimeout(this.#askTimer);
  }

  attributeChangedCallback(name: string, previous: string | null, value: string | null): void {
    if (previous === value) return;
    if (name === 'token') this.token = value;
    else if (this.#attached) {
      this.#view.draw();
      // The server writes notifications in the language of the connection.
      if (name !== 'corner') this.#connect(true);
    }
  }

  get #language() {
    return pickLanguage([this.getAttribute('lang'), document.documentElement.lang, ...navigator.languages]);
  }

  /** The server address without trailing slash; empty where it is not an http(s) URL. */
  get #base(): string {
    try {
      const { href, protocol } = new URL(this.server || new URL('.', SCRIPT_URL), location.href);
      return /^https?:$/.test(protocol) ? href.replace(/\/+$/, '') : '';
    } catch {
      return '';
    }
  }

  /** Connects with the current token, unless such a connection exists. */
  #connect(reconnect = false): void {
    clearTimeout(this.#askTimer);
    const token = this.#token;
    const { expiresAt, subject } = readClaims(token);
    if (!this.#resume || !token || subject !== this.#subject) this.#switchUser(subject);
    if (!token || token === this.#refusedToken) return this.#askForToken(0);
    if (expiresAt !== null) this.#askForToken(expiresAt - REFRESH_MARGIN_MS - Date.now());
    const base = this.#base;
    const resume = this.#resume;
    if (!base || !resume || (!reconnect && (this.#nextConnection ?? this.#connection)?.token === token)) return;
    this.#nextConnection?.close();
    const connection: Connection = { token, close: () => undefined };
    this.#nextConnection = connection;
    connection.close = connect(`${base.replace('http', 'ws')}/graphql`, token, this.#language, resume, {
      onTodo: (todo) => {
        if (this.#nextConnection === connection) {
          // Closed only now, because the old connection was in use until here.
          this.#connection?.close();
          this.#connection = connection;
          this.#nextConnection = null;
        }
        this.#live = true;
        this.#todo = todo;
        this.#waitingSince = todo.longestWaitSeconds === null ? null : Date.now() - todo.longestWaitSeconds * 1000;
        this.#view.drawTodo();
      },
      onNotification: (notification) => {
        this.#lastNotificationId(notification.id);
        this.#view.showNotification(notification);
      },
      onLost: () => {
        if (this.#connection && this.#nextConnection === connection) return;
        this.#live = false;
        this.#view.drawTodo();
      },
      onRefused: () => {
        this.#refusedToken = token;
        if (this.#nextConnection === connection) this.#nextConnection = null;
        else this.#connection = null;
        if (this.#token === token) this.#askForToken(0);
      },
    });
  }

  #disconnect(): void {
    this.#connection?.close();
    this.#nextConnection?.close();
    this.#connection = this.#nextConnection = null;
    this.#live = false;
  }

  /** Requests a token from the page and repeats until it provides one. */
  #askForToken(after: number): void {
    clearTimeout(this.#askTimer);
    this.#askTimer = setTimeout(() => {
      this.#askedAt = Date.now();
      this.#askForToken(ASK_AGAIN_MS);
      this.dispatchEvent(new CustomEvent('buoy-token', { bubbles: true, composed: true }));
    }, Math.max(after, this.#askedAt + ASK_INTERVAL_MIN_MS - Date.now()));
  }

  /** Switches to another user and removes everything of the previous one. */
  #switchUser(subject: string): void {
    this.#disconnect();
    this.#subject = subject;
    this.#todo = this.#waitingSince = null;
    this.#resume = { after: this.#lastNotificationId(), received: new Set(), unacked: new Set() };
    this.#view.clear();
  }

  /** The last notification received, stored for the next page of this tab. */
  #lastNotificationId(id?: string): string | null {
    const storageKey = `buoy-todo ${this.#base} ${this.#subject}`;
    try {
      if (id) sessionStorage.setItem(storageKey, id);
      return sessionStorage.getItem(storageKey);
    } catch {
      // No storage: start from now.
      return null;
    }
  }
}

// A page may include the script twice.
if (!customElements.get('buoy-todo')) customElements.define('buoy-todo', BuoyTodo);
