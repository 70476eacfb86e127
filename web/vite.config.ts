import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

/** The server that `npm run dev` uses. */
const SERVER = process.env.BUOY_ORIGIN ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [react()],
  // Assets are files, never inlined, because the content security policy allows the server's own origin only.
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The licence texts of the bundled packages, served at /licenses.md; ../NOTICE names it.
    license: { fileName: 'licenses.md' },
    // Two pages: the app, and GraphiQL, which the app does not carry.
    rollupOptions: { input: ['index.html', 'graphiql.html'] },
  },
  server: { proxy: { '/graphql': { target: SERVER, ws: true } } },
  test: { include: ['{src,widget}/**/*.test.ts'], environment: 'node' },
});
