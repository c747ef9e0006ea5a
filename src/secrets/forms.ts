import { Buffer } from 'node:buffer';

const shortest = 8;
const shortestLine = 12;
/** Words that name places, not secrets: hiding them would make a log unreadable. */
const words = new Set(['production', 'development', 'localhost', 'redacted']);

/** Values that are looked for: not those that are so short or common that half of a log would be hidden. Pure. */
export function listHidden(values: Iterable<string>, names: readonly string[] = []): readonly string[] {
  const hidden = [...values].filter(
    (value) => value.length >= shortest && !words.has(value) && !names.includes(value),
  );
  return [...new Set(hidden)];
}

/**
 * Every form in which a value is written down by accident: as it is, its single lines, in JSON, in a URL, in hex, and in
 * base64 wherever it begins in what is encoded. Pure.
 */
export function listForms(value: string): readonly string[] {
  const bytes = Buffer.from(value);
  const json = JSON.stringify(value).slice(1, -1);
  const url = encodeUrl(value);
  const forms = [
    value,
    json,
    JSON.stringify(json).slice(1, -1),
    json.replaceAll('/', '\\/'),
    url,
    url.replaceAll('%20', '+'),
    url.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
    bytes.toString('hex'),
    bytes.toString('hex').toUpperCase(),
    ...value.split(/\r?\n/).filter((line) => line.length >= shortestLine),
    ...[0, 1, 2].flatMap((offset) => listBase64(bytes, offset)),
  ];
  return [...new Set(forms)];
}

/** With lone surrogates as their replacement, which is what any encoder writes. */
function encodeUrl(value: string): string {
  return encodeURIComponent(value.toWellFormed());
}

/** What of the base64 depends on the value alone, with and without its end, in both alphabets. */
function listBase64(value: Buffer, offset: number): readonly string[] {
  const whole = Buffer.concat([Buffer.alloc(offset), value]);
  const text = whole.toString('base64').replace(/=+$/, '');
  const start = Math.ceil((offset * 8) / 6);
  const sure = Math.floor((whole.length * 8) / 6);
  return [text.slice(start), text.slice(start, sure)].flatMap((form) => [
    form,
    form.replaceAll('+', '-').replaceAll('/', '_'),
    // `base64` ends a line behind 76 characters, openssl behind 64.
    ...(offset === 0 ? [...cutLines(form, 76), ...cutLines(form, 64)] : []),
  ]);
}

function cutLines(text: string, width: number): readonly string[] {
  if (text.length <= width) return [];
  const lines = Array.from({ length: Math.ceil(text.length / width) }, (_, at) =>
    text.slice(at * width, (at + 1) * width),
  );
  return lines.filter((line) => line.length >= shortestLine);
}
