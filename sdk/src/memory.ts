import type { Entry, Store } from './types';

/** One change of a store. */
export type StoreChange = { add?: Entry[]; remove?: string[]; set?: [string, string] };

/** A store in memory; it is lost with the page or the process. */
export class Memory implements Store {
  protected entries = new Map<string, Entry>();
  protected meta = new Map<string, string>();

  protected play({ add, remove, set }: StoreChange) {
    for (const entry of add ?? []) this.entries.set(entry.id, entry);
    for (const id of remove ?? []) this.entries.delete(id);
    if (set) this.meta.set(...set);
  }

  protected async note(change: StoreChange) {
    this.play(change);
  }

  add(entries: Entry[]) {
    return this.note({ add: entries.filter(({ id }) => !this.entries.has(id)) });
  }

  async oldest(max: number) {
    return [...this.entries.values()].slice(0, max);
  }

  replace(entries: Entry[]) {
    return this.note({ add: entries.filter(({ id }) => this.entries.has(id)) });
  }

  remove(ids: string[]) {
    return this.note({ remove: ids });
  }

  async count() {
    return this.entries.size;
  }

  async get(key: string) {
    return this.meta.get(key);
  }

  set(key: string, value: string) {
    return this.note({ set: [key, value] });
  }
}
