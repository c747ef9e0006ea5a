import type { EnvironmentConfig } from '../config.ts';
import type { Release } from '../model/release.ts';
import type { Database } from '../store/database.ts';
import { findLiveBefore } from '../store/releases.ts';

/** The release that a blue-green rollout leaves running beside the live one at `now` (Unix ms); null: none. */
export async function findKept(
  db: Database,
  current: Release | null,
  { rollout }: EnvironmentConfig,
  now: number,
): Promise<Release | null> {
  if (rollout.strategy !== 'blue-green' || rollout.keepMs === 0 || current?.wentLiveAt == null) return null;
  if (now >= Date.parse(current.wentLiveAt) + rollout.keepMs) return null;
  return (await findLiveBefore(db, current)) ?? null;
}

/** The same as `Wanted.keep` has it. */
export async function listKept(...asked: Parameters<typeof findKept>): Promise<readonly number[]> {
  const kept = await findKept(...asked);
  return kept === null ? [] : [kept.version];
}
