import { Memory, type Line } from './memory';

type Fs = typeof import('node:fs');

/** A journal grows to so many lines before it is written anew. */
const LINES_MAX = 2000;

/** In Node: a journal of one process, durable line by line. */
export class Journal extends Memory {
  #lines = 0;
  #path: string;
  // Not by name: a bundler for browsers would look for it.
  #fs = process.getBuiltinModule('node:fs') as Fs;

  constructor(path: string) {
    super();
    this.#path = path;
    // a+: made where there is none yet.
    for (const line of this.#fs.readFileSync(path, { flag: 'a+', encoding: 'utf8' }).split('\n')) {
      try {
        if (line) this.play(JSON.parse(line) as Line);
      } catch {
        // Cut short by a crash: what it was to say was never promised.
      }
    }
    this.#compact();
  }

  #write(path: string, flag: string, lines: Line[]) {
    this.#fs.writeFileSync(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''), { flag, mode: 0o600, flush: true });
  }

  #compact() {
    const lines: Line[] = [{ add: [...this.entries.values()] }, ...[...this.meta].map((set) => ({ set }))];
    this.#write(`${this.#path}.part`, 'w', lines);
    this.#fs.renameSync(`${this.#path}.part`, this.#path);
    this.#lines = lines.length;
  }

  protected override async note(line: Line) {
    this.#write(this.#path, 'a', [line]);
    this.play(line);
    if (++this.#lines > LINES_MAX) this.#compact();
  }
}
