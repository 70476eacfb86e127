import type { Entry, Store } from './types';

const QUEUE = 'queue';
const META = 'meta';

const done = <T>(request: IDBRequest<T>) =>
  new Promise<T>((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/** In a browser: survives reloads, and is shared by the pages of one origin. */
export class Indexed implements Store {
  #db: Promise<IDBDatabase>;

  constructor(name: string) {
    const open = indexedDB.open(name, 1);
    open.onupgradeneeded = () => {
      open.result.createObjectStore(QUEUE, { keyPath: 'n', autoIncrement: true }).createIndex('id', 'id', { unique: true });
      open.result.createObjectStore(META);
    };
    this.#db = done(open);
  }

  /** Runs in one transaction; kept once that is complete. */
  async #within<T>(name: string, work: (store: IDBObjectStore) => Promise<T> | T) {
    const tx = (await this.#db).transaction(name, 'readwrite', { durability: 'strict' });
    const complete = new Promise<void>((resolve, reject) => {
      tx.oncomplete = () => resolve();
      tx.onabort = tx.onerror = () => reject(tx.error);
    });
    return (await Promise.all([work(tx.objectStore(name)), complete]))[0];
  }

  /** Each of these, with its key where it is in the queue. */
  #each<T extends { id: string }>(entries: T[], work: (queue: IDBObjectStore, entry: T, n?: IDBValidKey) => void) {
    return this.#within(QUEUE, async (queue) => {
      for (const entry of entries) work(queue, entry, await done(queue.index('id').getKey(entry.id)));
    });
  }

  add(entries: Entry[]) {
    return this.#each(entries, (queue, entry, n) => n || queue.add(entry));
  }

  oldest(max: number) {
    return this.#within(QUEUE, (queue) => done<Entry[]>(queue.getAll(null, max)));
  }

  replace(entries: Entry[]) {
    return this.#each(entries, (queue, entry, n) => n && queue.put({ ...entry, n }));
  }

  remove(ids: string[]) {
    return this.#each(ids.map((id) => ({ id })), (queue, _, n) => n && queue.delete(n));
  }

  count() {
    return this.#within(QUEUE, (queue) => done(queue.count()));
  }

  get(key: string) {
    return this.#within(META, (meta) => done<string | undefined>(meta.get(key)));
  }

  set(key: string, value: string) {
    return this.#within(META, (meta) => void meta.put(value, key));
  }
}
