import { toPlain } from '../model/plain-text.ts';

const lineLimit = 16_384;

export type LineKind = 'step' | 'detail' | 'result' | 'warning';

const prefixes: Record<LineKind, string> = {
  step: '-----> ',
  detail: '       ',
  result: '=====> ',
  warning: ' !     ',
};

/**
 * Text as lines of the journal, in Heroku's grammar: escape sequences are gone, a carriage return shows
 * only what a terminal would show last, and no line is longer than 16 KiB.
 */
export function toLines(kind: LineKind, text: string): string[] {
  return text
    .replace(/\r?\n$/, '')
    .split('\n')
    .map((line, index) => prefixes[kind === 'detail' || index === 0 ? kind : 'detail'] + cleanLine(line));
}

function cleanLine(line: string): string {
  const shown =
    line.length > lineLimit ? `${line.slice(0, lineLimit)}… ${line.length - lineLimit} more` : line;
  const overwritten = shown.replace(/\r+$/, '');
  const last = overwritten.slice(overwritten.lastIndexOf('\r') + 1);
  return toPlain(last).toWellFormed();
}
