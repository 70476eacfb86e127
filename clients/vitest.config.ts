import { defineConfig } from 'vitest/config';

/** One file at a time: each has a server of its own. */
export default defineConfig({
  test: { include: ['*.test.ts'], environment: 'node', fileParallelism: false, testTimeout: 60_000, hookTimeout: 120_000 },
});
