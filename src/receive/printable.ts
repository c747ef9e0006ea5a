import { stripVTControlCharacters } from 'node:util';

const controls = /(?!\t)[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu;

/** Text that cannot move a terminal: colours and the like are taken out, other control characters are shown. */
export function printable(text: string): string {
  return stripVTControlCharacters(text).replace(controls, escapeCharacter);
}

/** A value of a user inside a message: quoted, printable, cut at 80 characters. */
export function quoteValue(value: string): string {
  const shown = value.replace(controls, escapeCharacter);
  return `"${shown.length > 80 ? `${shown.slice(0, 79)}…` : shown}"`;
}

/** One line and no more than 200 characters: what fits between the parentheses of `[remote rejected]`. */
export function oneLine(text: string): string {
  const line = printable(text.replace(/\s+/g, ' ').trim());
  return line.length > 200 ? `${line.slice(0, 199)}…` : line;
}

function escapeCharacter(character: string): string {
  const code = character.charCodeAt(0);
  return code > 0xff ? `\\u${code.toString(16)}` : `\\x${code.toString(16).padStart(2, '0')}`;
}

/** 1536 as "1.5 KiB". */
export function formatBytes(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || Number.isInteger(value) ? value : value.toFixed(1)} ${units[unit]}`;
}
