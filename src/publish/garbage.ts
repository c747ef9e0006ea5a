import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What the embedded registry holds that no manifest needs any more; an estimate, kept beside its images. */
export type Garbage = {
  readonly bytes: number;
  /** When it was last collected, in ms of the clock; null when it never was. */
  readonly collectedAt: number | null;
};

const none: Garbage = { bytes: 0, collectedAt: null };

export async function readGarbage(folder: string): Promise<Garbage> {
  try {
    const { bytes, collectedAt } = JSON.parse(
      await readFile(join(folder, 'garbage.json'), 'utf8'),
    ) as Garbage;
    return { bytes, collectedAt };
  } catch {
    // Lost or half written, it is counted anew by the manifests that go next.
    return none;
  }
}

export async function writeGarbage(folder: string, garbage: Garbage): Promise<void> {
  const draft = join(folder, `garbage.json.${process.pid}`);
  await writeFile(draft, JSON.stringify(garbage), { mode: 0o600 });
  await rename(draft, join(folder, 'garbage.json'));
}

/** Whoever starts the registry next is to collect before. */
export async function orderCollection(folder: string): Promise<void> {
  await writeFile(orderFile(folder), '', { mode: 0o600 });
}

export async function isCollectionOrdered(folder: string): Promise<boolean> {
  return stat(orderFile(folder)).then(
    () => true,
    () => false,
  );
}

export async function dropOrder(folder: string): Promise<void> {
  await rm(orderFile(folder), { force: true });
}

function orderFile(folder: string): string {
  return join(folder, 'collect');
}
