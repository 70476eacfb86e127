/** The form that anybody may fill in, at `/intake/web`. No session; and nothing that somebody wrote is lost. */
import type { Language } from '../i18n';

const ADDRESS = '/intake/web';
const KEPT = 'buoy.request';
/** The server takes a pass for a day. */
const PASS_MS = 23 * 3_600_000;
/** Whoever has heard nothing for so long hears nothing more. */
const PATIENCE_MS = 30_000;

export interface Draft {
  title: string;
  description: string;
  contact: string;
}

/** One pass makes one ticket, however often it is sent. */
export interface Pass {
  pass: string;
  at: number;
  /** What it was sent with: other words take a pass of their own, or they would be lost. */
  spelt: string | null;
}

/** What a tab holds, beyond a reload too. */
export interface Kept {
  draft: Draft;
  pass: Pass | null;
  done: { ticket: string; contact: string } | null;
}

/** Why there is no number yet. `reference`: the server keeps what was sent, under this name. */
export type Problem =
  | { kind: 'OFFLINE' | 'CLOSED' | 'FAILED' | 'BLANK' }
  | { kind: 'EXPIRED'; reference: string | null }
  | { kind: 'KEPT'; reference: string | null; message: string | null }
  | { kind: 'LATER'; minutes: number }
  | { kind: 'REFUSED'; message: string };

export const EMPTY: Draft = { title: '', description: '', contact: '' };

export const spell = ({ title, description, contact }: Draft): string =>
  JSON.stringify({ title: title.trim(), description: description.trim(), contact: contact.trim() });

export const isBlank = (draft: Draft): boolean => Object.values(draft).some((text: string) => text.trim() === '');

/** Whether a pass may be sent with these words. */
export const serves = ({ at, spelt }: Pass, words: string, now = Date.now()): boolean =>
  now - at < PASS_MS && (spelt === null || spelt === words);

export function recall(): Kept {
  const kept: Kept = { draft: EMPTY, pass: null, done: null };
  try {
    const found = sessionStorage.getItem(KEPT);
    return found === null ? kept : { ...kept, ...(JSON.parse(found) as Partial<Kept>) };
  } catch {
    return kept;
  }
}

export function keep(kept: Kept): void {
  try {
    sessionStorage.setItem(KEPT, JSON.stringify(kept));
  } catch {
    // Storage is full or forbidden: the text lives as long as the page.
  }
}

const textOf = (from: unknown, name: string): string | null => {
  const value = typeof from === 'object' && from !== null ? (from as Record<string, unknown>)[name] : undefined;
  return typeof value === 'string' && value !== '' ? value : null;
};

/** A pass; `CLOSED`: no form is open. */
export async function askPass(): Promise<Pass | 'CLOSED' | 'OFFLINE'> {
  try {
    const response = await fetch(ADDRESS, { cache: 'no-store', signal: AbortSignal.timeout(PATIENCE_MS) });
    if (response.status === 401) return 'CLOSED';
    const pass = response.ok ? textOf(await response.json(), 'pass') : null;
    return pass === null ? 'OFFLINE' : { pass, at: Date.now(), spelt: null };
  } catch {
    return 'OFFLINE';
  }
}

let open: Promise<boolean> | null = null;

/** Whether a form is open: asked once for as long as the page lives. */
export function isOpen(): Promise<boolean> {
  open ??= askPass().then((answer) => {
    if (answer === 'OFFLINE') open = null;
    return typeof answer !== 'string';
  });
  return open;
}

/** Passes that the server does not take any more; what came with one is kept all the same. */
const OF_PASS: readonly (string | null)[] = ['SIGNATURE_INVALID', 'TIMESTAMP_INVALID'];

/** What an answer means to whoever asked. */
export function read(status: number, body: unknown, retryAfter: string | null): string | Problem {
  const ticket = textOf(body, 'ticket');
  if (status === 200 && ticket !== null) return ticket;
  const error = typeof body === 'object' && body !== null ? (body as { error?: unknown }).error : undefined;
  const [code, message, reference] = [textOf(error, 'code'), textOf(error, 'message'), textOf(error, 'submissionId')];
  if (status === 401) return OF_PASS.includes(code) ? { kind: 'EXPIRED', reference } : { kind: 'KEPT', reference, message: null };
  if (status === 422) return { kind: 'KEPT', reference, message };
  if (status === 429) return { kind: 'LATER', minutes: Math.max(1, Math.ceil((Number(retryAfter) || 600) / 60)) };
  if (status >= 400 && status < 500 && message !== null) return { kind: 'REFUSED', message };
  return { kind: 'FAILED' };
}

/** The number of the ticket, or why there is none yet. */
export async function send({ pass }: Pass, words: string, language: Language): Promise<string | Problem> {
  try {
    const response = await fetch(ADDRESS, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'accept-language': language },
      body: JSON.stringify({ pass, ...(JSON.parse(words) as Draft) }),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const body: unknown = await response.json().catch(() => null);
    return read(response.status, body, response.headers.get('retry-after'));
  } catch {
    return { kind: 'OFFLINE' };
  }
}
