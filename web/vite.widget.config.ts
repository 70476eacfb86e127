import { defineConfig, type Plugin } from 'vite';

/** A script without a word about its encoding is read in its page's, which may be any: it is to be in none. */
const ascii: Plugin = {
  name: 'ascii',
  generateBundle(_, bundle) {
    for (const file of Object.values(bundle)) {
      if (file.type !== 'chunk') continue;
      // One code unit at a time: of a character beyond the first plane, both.
      file.code = file.code.replace(/[^\n\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
    }
  },
};

/** `/widget.js`: one file for other people's pages, so its name is its address and carries no hash. */
export default defineConfig({
  plugins: [ascii],
  build: {
    outDir: 'dist',
    // Beside the app, which is built first.
    emptyOutDir: false,
    copyPublicDir: false,
    // As they are: what the style sheet names is older than what it would be written out for.
    cssTarget: 'esnext',
    lib: { entry: 'widget/widget.ts', formats: ['iife'], name: 'BuoyTodo', fileName: () => 'widget.js' },
  },
});
