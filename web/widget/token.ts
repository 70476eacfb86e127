/** What a token says of itself; the server alone knows whether that is true. */

export interface Claims {
  /** When it ends, in milliseconds; `null` where it does not say. */
  endsAt: number | null;
  /** Whose it is; empty where it does not say. */
  of: string;
}

export function claims(token: string): Claims {
  try {
    const body = (token.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/');
    const { exp, sub } = JSON.parse(atob(body)) as { exp?: unknown; sub?: unknown };
    return { endsAt: typeof exp === 'number' ? exp * 1000 : null, of: typeof sub === 'string' ? sub : '' };
  } catch {
    return { endsAt: null, of: '' };
  }
}
