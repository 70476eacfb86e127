import { defineConfig } from 'vitest/config';

/** A real browser against a real server: `make test-browser`. */
export default defineConfig({
  test: { include: ['browser/**/*.test.ts'], environment: 'node', globalSetup: 'browser/demoData.ts', fileParallelism: false, testTimeout: 60_000, hookTimeout: 120_000 },
});
