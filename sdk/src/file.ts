import { Memory } from './memory';
import type { Entry } from './types';

type Line = { add?: Entry[]; remove?: string[]; set?: [string, string] };
type Fs = typeof import('node:fs');

/** A journal grows to so many lines before it is written anew. */
const LINES_MAX = 2000;

/** In Node: a journal of one process, durable line by line. */
export class Journal extends Memory {
  private lines = 0;
  private fs: Fs;

  constructor(private path: string) {
    super();
    // Not by name: a bundler for browsers would look for it.
    this.fs = process.getBuiltinModule('node:fs') as Fs;
    const text = this.fs.existsSync(path) ? this.fs.readFileSync(path, 'utf8') : '';
    for (const line of text.split('\n')) {
      try {
        if (line) this.play(JSON.parse(line) as Line);
      } catch {
        // Cut short by a crash: what it was to say was never promised.
      }
    }
    this.compact();
  }

  private play({ add, remove, set }: Line) {
    for (const entry of add ?? []) this.entries.set(entry.id, entry);
    for (const id of remove ?? []) this.entries.delete(id);
    if (set) this.meta.set(...set);
  }

  private write(path: string, flag: string, text: string) {
    const file = this.fs.openSync(path, flag, 0o600);
    try {
      this.fs.writeSync(file, text);
      this.fs.fsyncSync(file);
    } finally {
      this.fs.closeSync(file);
    }
  }

  private compact() {
    const lines: Line[] = [{ add: [...this.entries.values()] }, ...[...this.meta].map((set) => ({ set }))];
    this.write(`${this.path}.part`, 'w', lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    this.fs.renameSync(`${this.path}.part`, this.path);
    this.lines = lines.length;
  }

  private async note(line: Line) {
    this.write(this.path, 'a', `${JSON.stringify(line)}\n`);
    this.play(line);
    if (++this.lines > LINES_MAX) this.compact();
  }

  override add(entries: Entry[]) {
    return this.note({ add: entries.filter(({ id }) => !this.entries.has(id)) });
  }

  override replace(entries: Entry[]) {
    return this.note({ add: entries.filter(({ id }) => this.entries.has(id)) });
  }

  override remove(ids: string[]) {
    return this.note({ remove: ids });
  }

  override set(key: string, value: string) {
    return this.note({ set: [key, value] });
  }
}
