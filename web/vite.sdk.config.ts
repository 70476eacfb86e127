import { defineConfig } from 'vite';

/** `/sdk/buoy.js` for a script tag (the global `BuoySdk`), `/sdk/buoy.mjs` as a module: for other people's pages and for Node. */
export default defineConfig({
  build: {
    outDir: 'dist/sdk',
    emptyOutDir: false,
    copyPublicDir: false,
    target: 'es2022',
    lib: {
      entry: '../sdk/src/index.ts',
      formats: ['iife', 'es'],
      name: 'BuoySdk',
      fileName: (format) => (format === 'es' ? 'buoy.mjs' : 'buoy.js'),
    },
    minify: 'oxc',
    // Nobody asks the global what kind of object it is.
    rolldownOptions: { output: { generatedCode: { symbols: false } } },
  },
});
