/** Fills demo data once; every server starts with a copy, because filling takes longer than most tests. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startServer, stopServer } from './desk';

declare module 'vitest' {
  interface ProvidedContext {
    demoData: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'buoy-demo-'));
  const [server] = await startServer(folder, '127.0.0.1:0', {});
  await stopServer(server, 'SIGTERM');
  project.provide('demoData', folder);
  return () => rm(folder, { recursive: true });
}
