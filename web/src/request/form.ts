/** The public request form at `/intake/web`. It needs no session, and the text is kept until it was submitted. */
import type { Language } from '../i18n';

const ENDPOINT = '/intake/web';
const STORAGE_KEY = 'buoy.request';
/** The server accepts a pass for a day; this leaves a margin. */
const PASS_LIFETIME_MS = 23 * 3_600_000;
/** A request without a response fails after this time. */
const REQUEST_TIMEOUT_MS = 30_000;

export interface Draft {
  title: string;
  description: string;
  contact: string;
}

/** A pass from the server. One pass creates at most one ticket, however often it is sent. */
export interface Pass {
  pass: string;
  at: number;
  /** The content that this pass was sent with; other content needs a new pass. Stored in sessionStorage under this name. */
  spelt: string | null;
}

/** The ticket of a request: its token, and the path of the page by which its writer follows it. */
export interface Accepted {
  ticket: string;
  link: string | null;
}

/** The form's state in the tab; it survives a reload. */
export interface FormState {
  draft: Draft;
  pass: Pass | null;
  done: (Accepted & { contact: string }) | null;
}

/** Why there is no ticket number yet. `reference` is the id under which the server keeps the submission. */
export type Problem =
  | { kind: 'OFFLINE' | 'CLOSED' | 'FAILED' | 'BLANK' }
  | { kind: 'EXPIRED'; reference: string | null }
  | { kind: 'KEPT'; reference: string | null; message: string | null }
  | { kind: 'LATER'; minutes: number }
  | { kind: 'REFUSED'; message: string };

export const EMPTY_DRAFT: Draft = { title: '', description: '', contact: '' };

export const serializeDraft = ({ title, description, contact }: Draft): string =>
  JSON.stringify({ title: title.trim(), description: description.trim(), contact: contact.trim() });

export const isBlank = (draft: Draft): boolean => Object.values(draft).some((text: string) => text.trim() === '');

/** Whether a pass can be sent with this content. */
export const isPassUsable = ({ at, spelt }: Pass, content: string, now = Date.now()): boolean =>
  now - at < PASS_LIFETIME_MS && (spelt === null || spelt === content);

export function loadForm(): FormState {
  const initial: FormState = { draft: EMPTY_DRAFT, pass: null, done: null };
  try {
    const stored = sessionStorage.getItem(STORAGE_KEY);
    return stored === null ? initial : { ...initial, ...(JSON.parse(stored) as Partial<FormState>) };
  } catch {
    return initial;
  }
}

export function storeForm(state: FormState): void {
  try {
    sessionStorage.setItem(STORAGE_KEY, JSON.stringify(state));
  } catch {
    // Storage is full or disabled: the text lives as long as the page.
  }
}

const readText = (from: unknown, name: string): string | null => {
  const value = typeof from === 'object' && from !== null ? (from as Record<string, unknown>)[name] : undefined;
  return typeof value === 'string' && value !== '' ? value : null;
};

/** Requests a pass; `CLOSED` where the form is not enabled. */
export async function requestPass(): Promise<Pass | 'CLOSED' | 'OFFLINE'> {
  try {
    const response = await fetch(ENDPOINT, { cache: 'no-store', signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
    if (response.status === 401) return 'CLOSED';
    const pass = response.ok ? readText(await response.json(), 'pass') : null;
    return pass === null ? 'OFFLINE' : { pass, at: Date.now(), spelt: null };
  } catch {
    return 'OFFLINE';
  }
}

let formOpen: Promise<boolean> | null = null;

/** Whether the form is enabled. The result is cached for the lifetime of the page. */
export function isRequestFormOpen(): Promise<boolean> {
  formOpen ??= requestPass().then((answer) => {
    if (answer === 'OFFLINE') formOpen = null;
    return typeof answer !== 'string';
  });
  return formOpen;
}

/** Error codes of an expired pass. The server quarantines the submission all the same. */
const PASS_ERROR_CODES: readonly (string | null)[] = ['SIGNATURE_INVALID', 'TIMESTAMP_INVALID'];

/** Converts an HTTP response to a ticket or a problem. */
export function parseAnswer(status: number, body: unknown, retryAfter: string | null): Accepted | Problem {
  const ticket = readText(body, 'ticket');
  if (status === 200 && ticket !== null) return { ticket, link: readText(body, 'link') };
  const error = typeof body === 'object' && body !== null ? (body as { error?: unknown }).error : undefined;
  const [code, message, reference] = [readText(error, 'code'), readText(error, 'message'), readText(error, 'submissionId')];
  if (status === 401) return PASS_ERROR_CODES.includes(code) ? { kind: 'EXPIRED', reference } : { kind: 'KEPT', reference, message: null };
  if (status === 422) return { kind: 'KEPT', reference, message };
  if (status === 429) return { kind: 'LATER', minutes: Math.max(1, Math.ceil((Number(retryAfter) || 600) / 60)) };
  if (status >= 400 && status < 500 && message !== null) return { kind: 'REFUSED', message };
  return { kind: 'FAILED' };
}

/** Submits the form. Returns the ticket, or the problem. */
export async function submitRequest({ pass }: Pass, content: string, language: Language): Promise<Accepted | Problem> {
  try {
    const response = await fetch(ENDPOINT, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'accept-language': language },
      body: JSON.stringify({ pass, ...(JSON.parse(content) as Draft) }),
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    const body: unknown = await response.json().catch(() => null);
    return parseAnswer(response.status, body, response.headers.get('retry-after'));
  } catch {
    return { kind: 'OFFLINE' };
  }
}
