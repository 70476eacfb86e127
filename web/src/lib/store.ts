/** A value that the whole page shares, kept in the browser's storage where there is one. */
import { useSyncExternalStore } from 'react';

export class Store<T> {
  #value: T;
  readonly #heard = new Set<() => void>();

  constructor(
    readonly key: string,
    readonly read: (kept: string | null) => T,
    readonly write: (value: T) => string | null,
  ) {
    this.#value = read(this.#kept());
    // Another tab signed in, signed out or changed the language.
    if (typeof window !== 'undefined') {
      window.addEventListener('storage', (event) => {
        if (event.key === key || event.key === null) this.#tell(read(this.#kept()));
      });
    }
  }

  get(): T {
    return this.#value;
  }

  /** As the tabs left it, which may be newer than what this one has heard of. */
  newest(): T {
    return this.read(this.#kept());
  }

  set(value: T): void {
    const kept = this.write(value);
    try {
      if (kept === null) localStorage.removeItem(this.key);
      else localStorage.setItem(this.key, kept);
    } catch {
      // Storage is full or forbidden: the value lives as long as the page.
    }
    this.#tell(value);
  }

  subscribe = (hear: () => void): (() => void) => {
    this.#heard.add(hear);
    return () => this.#heard.delete(hear);
  };

  #kept(): string | null {
    try {
      return localStorage.getItem(this.key);
    } catch {
      return null;
    }
  }

  #tell(value: T): void {
    this.#value = value;
    for (const hear of this.#heard) hear();
  }
}

export function useStore<T>(store: Store<T>): T {
  return useSyncExternalStore(store.subscribe, () => store.get());
}
