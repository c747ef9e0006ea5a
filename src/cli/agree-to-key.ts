import { Failure } from '../failure.ts';
import type { Session } from './session.ts';

export type ShownKey = { readonly name: string; readonly fingerprint: string };
export type KeyOptions = { fingerprint?: string; yes?: boolean };

/** Nothing is trusted that nobody compared. Throws `host_key_changed`, `not_confirmed`. */
export async function agreeToKey(
  { terminal }: Session,
  key: ShownKey,
  { fingerprint, yes }: KeyOptions,
): Promise<void> {
  if (fingerprint !== undefined) {
    if (fingerprint === key.fingerprint) return;
    throw new Failure('host_key_changed', `${key.name} shows ${key.fingerprint}, not ${fingerprint}.`);
  }
  if (yes === true) return;
  if (!terminal.interactive) {
    throw new Failure(
      'not_confirmed',
      `Compare the key, then say it with --fingerprint ${key.fingerprint}, or --yes to take it as it is.`,
    );
  }
  terminal.say('On the server, ssh-keygen -l -f /etc/ssh/ssh_host_ed25519_key.pub shows its key.');
  const answer = await terminal.ask('Is it this one? [y/N] ');
  if (!/^y(?:es)?$/i.test(answer)) throw new Failure('not_confirmed', 'Nothing was pinned.');
}
