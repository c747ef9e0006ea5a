import { stripVTControlCharacters } from 'node:util';

// Everything that can move a cursor, reorder text or end a line, but for the tab.
const unprintable = /(?!\t)[\p{Cc}\u202a-\u202e\u2066-\u2069\ufeff]/gu;

/** A line of somebody else as a terminal may show it: colours and the like are taken out with their sequences. */
export function toPlain(line: string): string {
  return stripVTControlCharacters(line).replace(unprintable, '');
}
