import type { Config } from '../../config.ts';
import { Failure } from '../../failure.ts';
import { readLocalSpace } from '../../fleet/disk.ts';
import { formatBytes } from '../../publish/bytes.ts';

/** The Failure that refuses new work while the data disk is nearly full; serving and rolling back go on. */
export async function findDiskShortage({
  data,
  limits,
}: Pick<Config, 'data' | 'limits'>): Promise<Failure | null> {
  const { freeBytes } = await readLocalSpace(data);
  if (freeBytes >= limits.diskFloor) return null;
  return new Failure(
    'server_disk_low',
    `Hawser's own disk has ${formatBytes(freeBytes)} free; ${formatBytes(limits.diskFloor)} are needed (limits.diskFloor).`,
  );
}
