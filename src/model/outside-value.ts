/** Where the value of a variable is read when a release is made, instead of being set: on the control machine. */
export type OutsideValue = { readonly file: string } | { readonly env: string };

// No process can be given a NUL, so no value that people set begins with one.
const mark = '\0';

/** How it is kept in the place of a value. */
export function writeOutside(from: OutsideValue): string {
  return 'file' in from ? `${mark}file:${from.file}` : `${mark}env:${from.env}`;
}

/** Undefined for a value that is one itself. */
export function readOutside(value: string): OutsideValue | undefined {
  if (!isOutside(value)) return undefined;
  const at = value.indexOf(':');
  const place = value.slice(at + 1);
  return value.slice(1, at) === 'file' ? { file: place } : { env: place };
}

export function isOutside(value: string): boolean {
  return value.startsWith(mark);
}

/** `file /etc/…`, `env NAME`, of one as it is kept. */
export function describeKept(value: string): string {
  return value.slice(1).replace(':', ' ');
}

/** Of the variables those that are read from outside. */
export function listOutside(vars: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(vars).filter(([, value]) => isOutside(value)));
}
