import type { Entry, Store } from './types';

const QUEUE = 'queue';
const META = 'meta';

const toPromise = <T>(request: IDBRequest<T>) =>
  new Promise<T>((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/** The queue in a browser: it survives reloads, and the pages of one origin share it. */
export class IndexedDbStore implements Store {
  #db: Promise<IDBDatabase>;

  constructor(name: string) {
    const open = indexedDB.open(name, 1);
    open.onupgradeneeded = () => {
      open.result.createObjectStore(QUEUE, { keyPath: 'n', autoIncrement: true }).createIndex('id', 'id', { unique: true });
      open.result.createObjectStore(META);
    };
    this.#db = toPromise(open);
  }

  /** Runs `callback` in one transaction and resolves when the transaction is complete. */
  async #transact<T>(name: string, callback: (store: IDBObjectStore) => Promise<T> | T) {
    const tx = (await this.#db).transaction(name, 'readwrite', { durability: 'strict' });
    const complete = new Promise<void>((resolve, reject) => {
      tx.oncomplete = () => resolve();
      tx.onabort = tx.onerror = () => reject(tx.error);
    });
    return (await Promise.all([callback(tx.objectStore(name)), complete]))[0];
  }

  /** Calls `callback` for each entry, with its key where the entry is in the queue. */
  #forEachEntry<T extends { id: string }>(entries: T[], callback: (queue: IDBObjectStore, entry: T, n?: IDBValidKey) => void) {
    return this.#transact(QUEUE, async (queue) => {
      for (const entry of entries) callback(queue, entry, await toPromise(queue.index('id').getKey(entry.id)));
    });
  }

  add(entries: Entry[]) {
    return this.#forEachEntry(entries, (queue, entry, n) => n || queue.add(entry));
  }

  oldest(max: number) {
    return this.#transact(QUEUE, (queue) => toPromise<Entry[]>(queue.getAll(null, max)));
  }

  replace(entries: Entry[]) {
    return this.#forEachEntry(entries, (queue, entry, n) => n && queue.put({ ...entry, n }));
  }

  remove(ids: string[]) {
    return this.#forEachEntry(ids.map((id) => ({ id })), (queue, _, n) => n && queue.delete(n));
  }

  count() {
    return this.#transact(QUEUE, (queue) => toPromise(queue.count()));
  }

  get(key: string) {
    return this.#transact(META, (meta) => toPromise<string | undefined>(meta.get(key)));
  }

  set(key: string, value: string) {
    return this.#transact(META, (meta) => void meta.put(value, key));
  }
}
