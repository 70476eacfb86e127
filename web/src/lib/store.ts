/** A value that the whole page shares, persisted in localStorage where it is available. */
import { useSyncExternalStore } from 'react';

export class Store<T> {
  #value: T;
  readonly #listeners = new Set<() => void>();

  constructor(
    readonly key: string,
    readonly parse: (stored: string | null) => T,
    readonly serialize: (value: T) => string | null,
  ) {
    this.#value = parse(this.#readStorage());
    // Another tab signed in, signed out or changed the language.
    if (typeof window !== 'undefined') {
      window.addEventListener('storage', (event) => {
        if (event.key === key || event.key === null) this.#publish(parse(this.#readStorage()));
      });
    }
  }

  get(): T {
    return this.#value;
  }

  /** The stored value, which may be newer than the one this tab has seen. */
  readLatest(): T {
    return this.parse(this.#readStorage());
  }

  set(value: T): void {
    const stored = this.serialize(value);
    try {
      if (stored === null) localStorage.removeItem(this.key);
      else localStorage.setItem(this.key, stored);
    } catch {
      // Storage is full or disabled: the value lives as long as the page.
    }
    this.#publish(value);
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  #readStorage(): string | null {
    try {
      return localStorage.getItem(this.key);
    } catch {
      return null;
    }
  }

  #publish(value: T): void {
    this.#value = value;
    for (const listener of this.#listeners) listener();
  }
}

export function useStore<T>(store: Store<T>): T {
  return useSyncExternalStore(store.subscribe, () => store.get());
}
