import type { Entry, Store } from './types';

const done = <T>(request: IDBRequest<T>) =>
  new Promise<T>((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/** In a browser: survives reloads, and is shared by the pages of one origin. */
export class Indexed implements Store {
  private db: Promise<IDBDatabase>;

  constructor(name: string) {
    const open = indexedDB.open(`buoy:${name}`, 1);
    open.onupgradeneeded = () => {
      open.result.createObjectStore('queue', { keyPath: 'n', autoIncrement: true }).createIndex('id', 'id', { unique: true });
      open.result.createObjectStore('meta');
    };
    this.db = done(open);
  }

  /** Runs in one transaction; kept once that is complete. */
  private async within<T>(store: 'queue' | 'meta', mode: IDBTransactionMode, work: (store: IDBObjectStore) => Promise<T> | T) {
    const tx = (await this.db).transaction(store, mode, { durability: 'strict' });
    const complete = new Promise<void>((resolve, reject) => {
      tx.oncomplete = () => resolve();
      tx.onabort = tx.onerror = () => reject(tx.error);
    });
    const result = await work(tx.objectStore(store));
    await complete;
    return result;
  }

  add(entries: Entry[]) {
    return this.within('queue', 'readwrite', async (queue) => {
      for (const entry of entries) if (!(await done(queue.index('id').getKey(entry.id)))) queue.add(entry);
    });
  }

  oldest(max: number) {
    return this.within('queue', 'readonly', (queue) => done(queue.getAll(null, max)) as Promise<Entry[]>);
  }

  replace(entries: Entry[]) {
    return this.within('queue', 'readwrite', async (queue) => {
      for (const entry of entries) {
        const n = await done(queue.index('id').getKey(entry.id));
        if (n) queue.put({ ...entry, n });
      }
    });
  }

  remove(ids: string[]) {
    return this.within('queue', 'readwrite', async (queue) => {
      for (const id of ids) {
        const n = await done(queue.index('id').getKey(id));
        if (n) queue.delete(n);
      }
    });
  }

  count() {
    return this.within('queue', 'readonly', (queue) => done(queue.count()));
  }

  get(key: string) {
    return this.within('meta', 'readonly', (meta) => done(meta.get(key)) as Promise<string | undefined>);
  }

  set(key: string, value: string) {
    return this.within('meta', 'readwrite', (meta) => void meta.put(value, key));
  }
}
