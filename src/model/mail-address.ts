const label = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?';
const address = new RegExp(`^[A-Za-z0-9_+][A-Za-z0-9_+=~'.-]{0,63}@${label}(?:\\.${label})*$`);
const scheme = 'mailto:';

/** One plain address of mail, like `ops@example.com`: no name, no comment, nothing that a header could be made of. */
export function isMailAddress(text: string): boolean {
  return text.length <= 254 && address.test(text) && !/\.\.|\.@/.test(text);
}

/** The address as a URL, which is how a notification keeps it. */
export function toMailUrl(text: string): string {
  return `${scheme}${text}`;
}

/** The address of such a URL; null for one that is no plain address of one person. */
export function readMailUrl(url: string): string | null {
  const text = url.startsWith(scheme) ? url.slice(scheme.length) : '';
  return isMailAddress(text) ? text : null;
}

/** Where a notification goes, as far as everybody may know it. */
export function hostOfTarget(url: string): string {
  return readMailUrl(url) ?? new URL(url).host;
}
