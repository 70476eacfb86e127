import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

/** Where `npm run dev` finds the server. */
const SERVER = process.env.BUOY_ORIGIN ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [react()],
  // Files that the page names by address, never inlined: the server's policy allows its own origin only.
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // Two pages: the app, and GraphiQL, which the app does not carry.
    rollupOptions: { input: ['index.html', 'graphiql.html'] },
  },
  server: { proxy: { '/graphql': { target: SERVER, ws: true } } },
  test: { include: ['{src,widget}/**/*.test.ts'], environment: 'node' },
});
