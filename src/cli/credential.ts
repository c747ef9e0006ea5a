import { Failure } from '../failure.ts';
import type { TokenAnswer } from './answers.ts';
import { orDash, time } from './words.ts';

/** `90`, or `never` as null. Throws `wrong_usage`. */
export function parseDays(text: string): number | null {
  if (text === 'never') return null;
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new Failure('wrong_usage', `--days ${JSON.stringify(text)}: must be a number of days, or "never".`);
}

/** What `--can` and `--app` say, as the API takes it. */
export function describeWish(options: { readonly can?: string; readonly app?: string }) {
  return {
    ...(options.app === undefined ? {} : { app: options.app }),
    rights: (options.can ?? 'push').split(',').map((right) => right.trim()),
  };
}

export const credentialHeading = ['ID', 'NAME', 'APP', 'CAN', 'STATE', 'USED'] as const;

/** The cells of a token or a key under that heading. */
export function describeCredential(credential: TokenAnswer): string[] {
  const { id, name, app, rights, revokedAt, expiresAt, lastUsedOn } = credential;
  const expired = expiresAt !== null && Date.parse(expiresAt) < Date.now();
  const state = revokedAt !== null ? `revoked ${time(revokedAt)}` : expired ? 'expired' : 'valid';
  return [id, name, app ?? '(all)', rights.join(','), state, orDash(lastUsedOn)];
}
