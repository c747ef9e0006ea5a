import { Failure } from '../../failure.ts';
import type { Environment } from '../../model/app.ts';
import type { Release } from '../../model/release.ts';
import type { Database } from '../../store/database.ts';
import {
  findReleaseByVersion,
  getRelease,
  listReleaseCommandsSince,
  listReleases,
  listReleasesByDigest,
} from '../../store/releases.ts';

/** A release by its number, or by its image's digest or the beginning of it; nothing: the one before. */
export type RollbackWish = { readonly version: number | null; readonly digest?: string | undefined };

/**
 * The release that a rollback brings back. Throws `release_not_found`, `release_never_live`, `already_live`,
 * `digest_ambiguous`.
 */
export async function findRollbackTarget(
  environment: Environment,
  { version, digest }: RollbackWish,
  db: Database,
): Promise<Release> {
  const current =
    environment.currentReleaseId === null ? null : await getRelease(db, environment.currentReleaseId);
  if (digest !== undefined) return findByDigest(environment, digest, current, db);
  if (version === null) return findReleaseBefore(environment, current, db);
  const release = await findReleaseByVersion(db, environment.id, version);
  if (release === undefined)
    throw new Failure('release_not_found', `${environment.name} has no release v${version}.`);
  if (release.wentLiveAt === null)
    throw new Failure('release_never_live', `Release v${version} was never live.`);
  if (release.id === current?.id) throw new Failure('already_live', `Release v${version} is the live one.`);
  return release;
}

/** Of several releases with the image it is the newest that was live. */
async function findByDigest(
  environment: Environment,
  digest: string,
  current: Release | null,
  db: Database,
): Promise<Release> {
  const prefix = `sha256:${digest.replace(/^sha256:/, '')}`;
  const found = await listReleasesByDigest(db, environment.id, prefix);
  const [first] = found;
  if (first === undefined) {
    throw new Failure('release_not_found', `${environment.name} has no release of an image ${prefix}….`);
  }
  if (found.some((release) => release.image.digest !== first.image.digest)) {
    throw new Failure(
      'digest_ambiguous',
      `More than one image of ${environment.name} begins with ${prefix}.`,
    );
  }
  if (current?.image.digest === first.image.digest) {
    throw new Failure(
      'already_live',
      `The image ${prefix}… is live; name a release to have its config back.`,
    );
  }
  const release = found.find(({ wentLiveAt }) => wentLiveAt !== null);
  if (release !== undefined) return release;
  throw new Failure('release_never_live', `The image ${prefix}… was never live.`);
}

/** What a rollback made counts as what it brought back, so that a second rollback goes one further. */
async function findReleaseBefore(
  environment: Environment,
  current: Release | null,
  db: Database,
): Promise<Release> {
  let origin = current;
  while (origin !== null && origin.rollbackOf !== null) origin = await getRelease(db, origin.rollbackOf);
  const releases = await listReleases(db, environment.id, { before: origin?.version ?? 0, limit: 100 });
  const found = releases.find((release) => release.wentLiveAt !== null);
  if (found) return found;
  throw new Failure('release_not_found', `${environment.name} has no earlier release that was live.`);
}

/** What people should know before they rely on a rollback: release commands that it does not undo. */
export async function listRollbackWarnings(target: Release, db: Database): Promise<readonly string[]> {
  const ran = await listReleaseCommandsSince(db, target);
  if (ran.length === 0) return [];
  const versions = ran.map((version) => `v${version}`).join(', ');
  return [`The release command ran since (${versions}): what it changed stays as it is.`];
}
