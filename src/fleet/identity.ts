import { link, open, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeKeyPair } from './ssh.ts';

/**
 * Makes a key pair of this installation when there is none, on disk when it resolves: the one with which it enters
 * its servers, whose public key (`.pub`) belongs into `authorized_keys` there, or that by which it is known itself.
 */
export async function ensureIdentity(file: string, comment = 'hawser'): Promise<void> {
  const pair = makeKeyPair(comment);
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, pair.private, { mode: 0o600, flush: true });
  try {
    // A link fails when the key is there, however many processes try at once.
    await link(draft, file);
    await writeFile(`${file}.pub`, `${pair.public}\n`, { flush: true });
    await syncFolder(dirname(file));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/** The name of a new file lasts only when its folder is on disk too. */
async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, 'r');
  await handle.sync();
}
