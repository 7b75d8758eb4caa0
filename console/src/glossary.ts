// The glossary of the documentation, which is the one list of our terms.
import page from '../../docs/glossary.md?raw';

export type Entry = { term: string; meaning: string };

export const ENTRIES: Entry[] = [...page.matchAll(/^\| \*\*(.+?)\*\* \| (.+) \|$/gm)].map(([, term, meaning]) => ({
  term: term!,
  // The emphasis of Markdown is not shown.
  meaning: meaning!.replaceAll(/[`*]/g, ''),
}));

export function entry(term: string): Entry | undefined {
  return ENTRIES.find((one) => one.term.toLowerCase() === term.toLowerCase());
}
