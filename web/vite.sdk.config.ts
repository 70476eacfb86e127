import { defineConfig } from 'vite';

/** `/sdk/buoy.js` is for a script tag (global `BuoySdk`), `/sdk/buoy.mjs` is a module for web pages and Node. */
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
    // Nothing reads the toStringTag of the global.
    rolldownOptions: { output: { generatedCode: { symbols: false } } },
  },
});
