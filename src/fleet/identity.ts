import { link, rm, writeFile } from 'node:fs/promises';
import { makeKeyPair } from './ssh.ts';

/**
 * Makes the key with which this installation enters its servers, when there is none. The public key
 * beside it (`.pub`) belongs into `authorized_keys` of every server.
 */
export async function ensureIdentity(file: string): Promise<void> {
  const pair = makeKeyPair('hawser');
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, pair.private, { mode: 0o600 });
  try {
    // A link fails when the key is there, however many processes try at once.
    await link(draft, file);
    await writeFile(`${file}.pub`, `${pair.public}\n`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(draft, { force: true });
  }
}
