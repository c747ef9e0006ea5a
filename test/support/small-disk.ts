import { mkdir, rm, statfs, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from './eventually.ts';
import { runProgram, tryProgram } from './program.ts';

/** Makes an ext4 of so many bytes in a file beside the folder and mounts it there; needs root. */
export async function mountSmallDisk(folder: string, bytes: number): Promise<() => Promise<void>> {
  const image = `${folder}.img`;
  await writeFile(image, '');
  await truncate(image, bytes);
  await runProgram('mkfs.ext4', ['-q', '-F', '-m', '0', image]);
  await mkdir(folder, { recursive: true });
  await runProgram('mount', ['-o', 'loop', '-t', 'ext4', '--', image, folder]);
  await rm(join(folder, 'lost+found'), { recursive: true });
  return async () => {
    await eventually(async () => (await tryProgram('umount', ['--', folder])) !== undefined, {
      timeoutMs: 60_000,
    });
    await rm(image, { force: true });
  };
}

/** Fills the disk of a folder until so many bytes are free; answers what frees them again. */
export async function fillDisk(folder: string, freeBytes: number): Promise<() => Promise<void>> {
  const filler = join(folder, 'filler');
  const { bavail, bsize } = await statfs(folder);
  // The file needs blocks for itself, so the last ones are written and not reserved.
  const bytes = bavail * bsize - Math.max(freeBytes, 8 * 2 ** 20);
  if (bytes > 0) await runProgram('fallocate', ['-l', String(bytes), filler]);
  if (freeBytes === 0) await tryProgram('dd', ['if=/dev/zero', `of=${filler}-rest`, 'bs=4k', 'status=none']);
  return async () => {
    for (const name of [filler, `${filler}-rest`]) await rm(name, { force: true });
  };
}
