import { join } from 'node:path';
import type { Config } from '../config.ts';
import { readOutboundRules } from '../outbound/addresses.ts';
import type { Folders } from '../supervise/folders.ts';
import { type HookDoor, type HookDoorOptions, openHookDoor } from '../webhooks/door.ts';
import { openHookLoop } from '../webhooks/loop.ts';
import type { HookParts } from '../webhooks/perform.ts';

export type ForgeParts = Pick<HookParts, 'db' | 'git' | 'runs' | 'look' | 'lookMs'> &
  Pick<HookDoorOptions, 'audit'> & {
    readonly config: Config;
    readonly folders: Pick<Folders, 'run' | 'keys'>;
    readonly log: HookParts['log'];
  };

/** The door of forges, and what does what they told until it is disposed. */
export async function openForges(parts: ForgeParts): Promise<HookDoor & AsyncDisposable> {
  const { config, folders, audit, ...rest } = parts;
  const { db, log } = parts;
  const environments = () => Object.values(config.environments);
  const loop = await openHookLoop({
    ...rest,
    environments,
    limits: config.limits,
    rules: readOutboundRules(config),
    folder: join(folders.run, 'fetched'),
    keys: folders.keys,
  });
  const previews = () => config.previews;
  const door = openHookDoor({ db, audit, log, environments, previews, wake: loop.wake });
  return { ...door, [Symbol.asyncDispose]: () => loop[Symbol.asyncDispose]() };
}
