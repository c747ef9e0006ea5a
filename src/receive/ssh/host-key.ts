import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fingerprintOf } from '../../fleet/host-key.ts';
import { ensureIdentity } from '../../fleet/identity.ts';
import { readKeyBlob } from './key.ts';

/** By what clients know this server; `fingerprint` as ssh-keygen -l prints it. */
export type HostKey = { readonly key: Buffer; readonly fingerprint: string; readonly line: string };

const fileIn = (data: string) => join(data, 'keys', 'ssh_host_ed25519');

/** The host key below a data folder; made when there is none. */
export async function ensureHostKey(data: string): Promise<HostKey> {
  await ensureIdentity(fileIn(data), 'hawser-host');
  return readHostKey(data);
}

/** `SHA256:…` of the host key; null when none was made yet. */
export async function readFingerprint(data: string): Promise<string | null> {
  try {
    return (await readHostKey(data)).fingerprint;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

async function readHostKey(data: string): Promise<HostKey> {
  const key = await readFile(fileIn(data));
  const blob = readPublicBlob(key.toString('latin1'));
  return { key, fingerprint: fingerprintOf(blob), line: `ssh-ed25519 ${blob.toString('base64')}` };
}

// "openssh-key-v1" and a NUL, "none" as the cipher and as the kdf, no options, one key: strings behind their lengths.
const publicAt = 15 + 8 + 8 + 4 + 4;

/** The public half, in the clear, out of OpenSSH's own format of private keys (PROTOCOL.key). */
function readPublicBlob(pem: string): Buffer {
  const bytes = Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64');
  const blob = bytes.subarray(publicAt + 4, publicAt + 4 + bytes.readUInt32BE(publicAt));
  if (readKeyBlob(blob)?.type === 'ssh-ed25519') return blob;
  throw new Error('the host key is not an ed25519 key in the format of OpenSSH');
}
