// Checks the licences of the npm packages that a lock file installs for production: what the web app may bundle.
//
//   node scripts/npm-licenses.mjs web/package-lock.json …
import { readFile } from 'node:fs/promises';

const ALLOWED = new Set(['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'MIT', 'Unlicense']);
// Packages that are installed but not bundled, under a licence that nothing in the bundle may have.
const EXCEPTIONS = new Map([
  // A command line option parser; only the command of markdown-it, by GraphiQL, loads it.
  ['argparse', 'Python-2.0'],
]);

const files = process.argv.slice(2);
if (files.length === 0) {
  console.error('usage: node scripts/npm-licenses.mjs LOCK_FILE…');
  process.exit(2);
}

let refused = 0;
for (const file of files) {
  const { lockfileVersion, packages } = JSON.parse(await readFile(file, 'utf8'));
  if (lockfileVersion !== 3) throw new Error(`${file}: lockfileVersion ${lockfileVersion}, not 3`);
  let checked = 0;
  for (const [path, { dev, license, version }] of Object.entries(packages)) {
    // The path '' is the project itself.
    if (path === '' || dev) continue;
    checked += 1;
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    if (ALLOWED.has(license) || (license && EXCEPTIONS.get(name) === license)) continue;
    console.error(`${file}: ${name} ${version} has the licence ${license ?? 'none'}, which is not allowed`);
    refused += 1;
  }
  console.log(`${file}: ${checked} production packages checked`);
}
process.exit(refused === 0 ? 0 : 1);
