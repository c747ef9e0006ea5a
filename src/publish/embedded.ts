import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The registry program that is started beside us. */
export type RegistryProgram = {
  readonly file: 'docker-registry';
  readonly argv: readonly string[];
  readonly configFile: string;
  readonly configText: string;
};

/** How the registry program is run: on the loopback only, images in `folder`. Pure. */
export function embeddedRegistry(place: { folder: string; port: number; secret: string }): RegistryProgram {
  const configFile = join(place.folder, 'config.json');
  const config = {
    version: '0.1',
    log: { level: 'warn', accesslog: { disabled: true } },
    storage: {
      filesystem: { rootdirectory: join(place.folder, 'images') },
      // Only pruning deletes, and only what no release needs.
      delete: { enabled: true },
    },
    http: {
      addr: `127.0.0.1:${place.port}`,
      secret: place.secret,
      headers: { 'X-Content-Type-Options': ['nosniff'] },
    },
  };
  return {
    file: 'docker-registry',
    argv: ['serve', configFile],
    configFile,
    // JSON is YAML, and needs no quoting rules of its own.
    configText: `${JSON.stringify(config, null, 2)}\n`,
  };
}

/** Writes what the registry program needs into `folder`, readable by us alone; its secret stays the same. */
export async function prepareEmbeddedRegistry(place: {
  folder: string;
  port: number;
}): Promise<RegistryProgram> {
  await mkdir(place.folder, { recursive: true, mode: 0o700 });
  const program = embeddedRegistry({ ...place, secret: await readSecret(join(place.folder, 'secret')) });
  await writeFile(program.configFile, program.configText, { mode: 0o600 });
  return program;
}

async function readSecret(file: string): Promise<string> {
  try {
    await writeFile(file, randomBytes(32).toString('hex'), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return (await readFile(file, 'utf8')).trim();
}
