import type { UserLimits } from '../../config.ts';
import { Failure } from '../../failure.ts';
import { operator } from '../../model/access.ts';
import type { App } from '../../model/app.ts';
import { makesImage } from '../../model/deploy.ts';
import { formatBytes } from '../../publish/bytes.ts';
import { createApp } from '../../store/apps.ts';
import { type Database, joinTransaction } from '../../store/database.ts';
import { countApps, readUsage, type Usage } from '../../store/usage.ts';

const hourMs = 3_600_000;

/**
 * Why somebody may not push now: what they have of each thing that is limited, and when or how it goes on. Undefined
 * when they may. Pure.
 */
export function findExcess(actor: string, used: Usage, limits: UserLimits): Failure | undefined {
  const whose = `"${actor}"`;
  const earliest = used.pushes.at(-limits.pushes);
  if (earliest !== undefined) {
    const again = new Date(Date.parse(earliest) + hourMs).toISOString();
    const text = `${whose} pushed ${used.pushes.length} times within an hour (limit ${limits.pushes}).`;
    return new Failure('too_many_pushes', text, { fix: `Push again after ${again}.` });
  }
  if (used.waiting >= limits.deploys) {
    const text = `${used.waiting} pushes of ${whose} wait or are built (limit ${limits.deploys}).`;
    return new Failure('too_many_deploys', text);
  }
  if (used.bytes >= limits.disk) {
    const text = `The apps of ${whose} take ${formatBytes(used.bytes)} on disk (limit ${formatBytes(limits.disk)}).`;
    return new Failure('disk_limit', text);
  }
  return undefined;
}

/**
 * Asked in the transaction that records a push, or an image. A push to where one of theirs waits already takes its place, and the
 * operator has no limits. Throws `too_many_pushes`, `too_many_deploys` and `disk_limit`.
 */
export async function refuseExcess(
  tx: Database,
  asked: { readonly kind: string; readonly actor: string; readonly environmentId: string },
  limits: UserLimits,
): Promise<void> {
  if (!makesImage(asked) || asked.actor === operator.name) return;
  const since = new Date(Date.now() - hourMs).toISOString();
  const where = { actor: asked.actor, since, besides: asked.environmentId };
  const excess = findExcess(asked.actor, await readUsage(tx, where), limits);
  if (excess !== undefined) throw excess;
}

/** Makes an app unless its maker has enough of them. Throws `too_many_apps` and what `createApp` throws. */
export async function createLimitedApp(
  db: Database,
  { name, actor }: { readonly name: string; readonly actor: string },
  limits: Pick<UserLimits, 'apps'>,
): Promise<App> {
  return joinTransaction(db, async (tx) => {
    const count = actor === operator.name ? 0 : await countApps(tx, actor);
    if (count < limits.apps) return createApp(tx, name, actor);
    throw new Failure(
      'too_many_apps',
      `"${actor}" made ${count} apps that are there (limit ${limits.apps}).`,
    );
  });
}
