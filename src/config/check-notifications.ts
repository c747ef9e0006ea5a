import { isMailAddress } from '../model/mail-address.ts';
import { isPreviewName } from '../model/names.ts';
import type { Path } from './json.ts';
import { type Mistake, nearest } from './mistakes.ts';

type Words = Readonly<Record<string, unknown>>;
type Place = { readonly path: Path; readonly environments: readonly string[]; readonly hasSmtp: boolean };

/** What the kind of a receiver wants, and what it names in other parts of the file. Values are never shown. Pure. */
export function listReceiverMistakes(notifications: unknown, environments: readonly string[]): Mistake[] {
  const { receivers, smtp } = Object(notifications) as Words;
  return Object.entries(Object(receivers) as Words).flatMap(([name, written]) => {
    const path = ['notifications', 'receivers', name];
    const words = Object(written) as Words;
    const place = { path, environments, hasSmtp: smtp !== undefined };
    return [
      ...listTargetMistakes(words, place),
      ...listSecretMistakes(words, place),
      ...listFilterMistakes(words, place),
    ];
  });
}

function listTargetMistakes({ kind, to }: Words, { path, hasSmtp }: Place): Mistake[] {
  const isMail = kind === 'mail';
  const missing =
    isMail && !hasSmtp
      ? [{ path: [...path, 'kind'], message: 'needs a server for mail', hint: 'add notifications.smtp' }]
      : [];
  if (typeof to !== 'string' || to === '' || typeof kind !== 'string') return missing;
  const message = isMail
    ? 'must be one plain address, like "ops@example.com"'
    : 'must be a URL that begins with "https://" or "http://", without user or password';
  return (isMail ? isMailAddress(to) : isUrl(to))
    ? missing
    : [...missing, { path: [...path, 'to'], message }];
}

function isUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || /[\s\\]/.test(text)) return false;
  return /^https?:$/.test(url.protocol) && url.hostname !== '' && url.username === '' && url.password === '';
}

function listSecretMistakes({ kind, secret }: Words, { path }: Place): Mistake[] {
  if (typeof secret !== 'string' || typeof kind !== 'string') return [];
  if (kind !== 'json')
    return [
      { path: [...path, 'secret'], message: 'has no effect, only "json" is signed', hint: 'leave it out' },
    ];
  const message = 'must be "whsec_" and the base64 of 24 to 64 bytes';
  return isSecret(secret) ? [] : [{ path: [...path, 'secret'], message }];
}

function isSecret(text: string): boolean {
  const [, base64 = ''] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text) ?? [];
  const { length } = Buffer.from(base64, 'base64');
  return length >= 24 && length <= 64;
}

function listFilterMistakes(words: Words, { path, environments }: Place): Mistake[] {
  const named = Array.isArray(words.environments) ? words.environments : [];
  const unknown = named.flatMap((word, index): Mistake[] => {
    if (typeof word !== 'string' || environments.includes(word) || isPreviewName(word)) return [];
    const hint = nearest(word, environments) ?? `there are: ${environments.join(', ')}`;
    return [{ path: [...path, 'environments', index], message: `unknown environment "${word}"`, hint }];
  });
  const isFiltered = words.apps !== undefined || words.environments !== undefined;
  const events = Array.isArray(words.events) && isFiltered ? words.events : [];
  const ofServers = events.flatMap((event, index): Mistake[] => {
    if (typeof event !== 'string' || !event.startsWith('server.')) return [];
    const hint = 'name it in a receiver without "apps" and "environments"';
    return [
      { path: [...path, 'events', index], message: `"${event}" is of no app and no environment`, hint },
    ];
  });
  return [...unknown, ...ofServers];
}
