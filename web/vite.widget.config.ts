import { defineConfig, type Plugin } from 'vite';

/** Escapes all non-ASCII characters, because a script without a declared encoding is read in the encoding of its page. */
const ascii: Plugin = {
  name: 'ascii',
  generateBundle(_, bundle) {
    for (const file of Object.values(bundle)) {
      if (file.type !== 'chunk') continue;
      // Escapes one UTF-16 code unit at a time, so a surrogate pair becomes two escapes.
      file.code = file.code.replace(/[^\n\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
    }
  },
};

/** `/widget.js` is one file for other websites. They include it by this name, so it has no hash. */
export default defineConfig({
  plugins: [ascii],
  build: {
    outDir: 'dist',
    // The app is built first and must not be deleted.
    emptyOutDir: false,
    copyPublicDir: false,
    // Keep the CSS as written, because all supported browsers know its features.
    cssTarget: 'esnext',
    lib: { entry: 'widget/widget.ts', formats: ['iife'], name: 'BuoyTodo', fileName: () => 'widget.js' },
  },
});
