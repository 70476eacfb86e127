import { Memory, type StoreChange } from './memory';

type Fs = typeof import('node:fs');

/** The journal is rewritten when it reaches this many lines. */
const JOURNAL_LINES_MAX = 2000;

/** The queue in Node: a journal file for one process. Each line is flushed to disk. */
export class Journal extends Memory {
  #lineCount = 0;
  #path: string;
  // Not imported by name, because a bundler for browsers would try to resolve it.
  #fs = process.getBuiltinModule('node:fs') as Fs;

  constructor(path: string) {
    super();
    this.#path = path;
    // a+ creates the file where it does not exist.
    for (const line of this.#fs.readFileSync(path, { flag: 'a+', encoding: 'utf8' }).split('\n')) {
      try {
        if (line) this.play(JSON.parse(line) as StoreChange);
      } catch {
        // A crash cut this line short. Its promise was never resolved, so nothing is lost.
      }
    }
    this.#compact();
  }

  #write(path: string, flag: string, changes: StoreChange[]) {
    this.#fs.writeFileSync(path, changes.map((line) => `${JSON.stringify(line)}\n`).join(''), { flag, mode: 0o600, flush: true });
  }

  #compact() {
    const changes: StoreChange[] = [{ add: [...this.entries.values()] }, ...[...this.meta].map((set) => ({ set }))];
    this.#write(`${this.#path}.part`, 'w', changes);
    this.#fs.renameSync(`${this.#path}.part`, this.#path);
    this.#lineCount = changes.length;
  }

  protected override async note(change: StoreChange) {
    this.#write(this.#path, 'a', [change]);
    this.play(change);
    if (++this.#lineCount > JOURNAL_LINES_MAX) this.#compact();
  }
}
