import { Failure } from '../failure.ts';
import type { TokenAnswer } from './answers.ts';
import { orDash, time } from './words.ts';

const dayMs = 86_400_000;

/** Days from `now` of `90`, `90d` or `2027-01-31`; null for `never`. Throws `wrong_usage`. Pure. */
export function parseExpiry(text: string, now: Date): number | null {
  if (text === 'never') return null;
  const days = /^([1-9]\d{0,3})d?$/.exec(text)?.[1];
  if (days !== undefined) return Number(days);
  const until = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(text) : Number.NaN;
  const left = Math.ceil((until - now.getTime()) / dayMs);
  if (left >= 1) return left;
  const shown = JSON.stringify(text);
  throw new Failure('wrong_usage', `--expires ${shown}: use a number of days, a day to come, or "never".`);
}

type WishOptions = {
  readonly right?: readonly string[];
  readonly app?: string;
  readonly env?: string;
};

/** An option that may be said more than once, with commas or without. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...value.split(',').map((each) => each.trim())];
}

/** What `--right`, `--app` and `--env` say, as the API takes it. */
export function describeWish({ right, app, env }: WishOptions) {
  return {
    ...(app === undefined ? {} : { app }),
    ...(env === undefined ? {} : { env }),
    ...(right === undefined ? {} : { rights: right }),
  };
}

export const credentialHeading = ['ID', 'NAME', 'USER', 'APP', 'ENV', 'RIGHTS', 'STATE', 'USED'] as const;

/** The cells of a token or a key under that heading. */
export function describeCredential(credential: TokenAnswer): string[] {
  const { id, name, user, app, env, rights, revokedAt, expiresAt, lastUsedOn } = credential;
  const expired = expiresAt !== null && Date.parse(expiresAt) < Date.now();
  const state = revokedAt !== null ? `revoked ${time(revokedAt)}` : expired ? 'expired' : 'valid';
  return [
    ...[id, name, orDash(user), app ?? '(all)', env ?? '(all)', rights.join(','), state],
    orDash(lastUsedOn),
  ];
}
