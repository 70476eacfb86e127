import type { Entry, Store } from './types';

/** What is forgotten with the page; the others are kept by it while they run. */
export class Memory implements Store {
  entries = new Map<string, Entry>();
  meta = new Map<string, string>();

  async add(entries: Entry[]) {
    for (const entry of entries) if (!this.entries.has(entry.id)) this.entries.set(entry.id, entry);
  }

  async oldest(max: number) {
    return [...this.entries.values()].slice(0, max);
  }

  async replace(entries: Entry[]) {
    for (const entry of entries) if (this.entries.has(entry.id)) this.entries.set(entry.id, entry);
  }

  async remove(ids: string[]) {
    for (const id of ids) this.entries.delete(id);
  }

  async count() {
    return this.entries.size;
  }

  async get(key: string) {
    return this.meta.get(key);
  }

  async set(key: string, value: string) {
    this.meta.set(key, value);
  }
}
