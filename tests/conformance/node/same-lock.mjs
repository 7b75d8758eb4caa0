// Whether what was installed is what the committed lock names: the same versions with the same hashes.
import { readFileSync } from 'node:fs';

const [installed, committed] = process.argv.slice(2).map((file) => JSON.parse(readFileSync(file, 'utf8')).packages);
const wrong = Object.entries(committed)
  .filter(([name, entry]) => name && installed[name] && installed[name].integrity !== entry.integrity)
  .concat(Object.entries(installed).filter(([name, entry]) => name && !committed[name] && !entry.optional))
  .map(([name]) => name);
if (wrong.length) {
  console.error(`installed otherwise than locked: ${wrong.join(', ')}; run \`make lock\``);
  process.exit(1);
}
