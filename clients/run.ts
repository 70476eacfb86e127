/** Runs a program of another world to its end. */
import { execFile } from 'node:child_process';

const HERE = import.meta.dirname;

/** What it said; fails with the same where it ends badly. */
export function run(program: string, args: string[], env: Record<string, string> = {}): Promise<string> {
  return new Promise((done, failed) => {
    execFile(program, args, { cwd: HERE, env: { ...process.env, ...env } }, (error, out, complaint) => {
      const said = `${out}${complaint}`;
      if (error) failed(new Error(`${program} ${args.join(' ')}: ${error.message}\n${said}`));
      else done(said);
    });
  });
}
