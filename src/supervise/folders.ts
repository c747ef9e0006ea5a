import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../failure.ts';

/** The data folder's parts; everything that Hawser keeps is below it. */
export type Folders = {
  readonly data: string;
  readonly run: string;
  readonly logs: string;
  readonly keys: string;
  readonly repositories: string;
  readonly journals: string;
  readonly redis: string;
  readonly registry: string;
  readonly loadBalancer: string;
  readonly ledger: string;
  /** The administrator's door, for this user alone. */
  readonly socket: string;
  /** The API for the commands that the server itself runs for those who came over SSH; it needs their token. */
  readonly guestSocket: string;
  readonly redisSocket: string;
};

// A unix socket's path has 107 bytes at most, and some carry the name of a temporary beside it.
const longest = 80;

/** Names the folders without touching the disk. */
export function planFolders(data: string): Folders {
  return {
    data,
    run: join(data, 'run'),
    logs: join(data, 'logs'),
    keys: join(data, 'keys'),
    repositories: join(data, 'repositories'),
    journals: join(data, 'journals'),
    redis: join(data, 'redis'),
    registry: join(data, 'registry'),
    loadBalancer: join(data, 'load-balancer'),
    ledger: join(data, 'ledger.db'),
    socket: join(data, 'hawser.sock'),
    guestSocket: join(data, 'run', 'guests.sock'),
    redisSocket: join(data, 'run', 'redis.sock'),
  };
}

/** Makes them, readable by this user alone. Throws `data_path_too_long`. */
export function makeFolders(folders: Folders): void {
  if (Buffer.byteLength(folders.data) > longest) {
    throw new Failure(
      'data_path_too_long',
      `"data" is ${folders.data}: sockets below it need a shorter path.`,
    );
  }
  const { data, run, logs, keys, repositories, journals, redis, registry, loadBalancer } = folders;
  for (const folder of [data, run, logs, keys, repositories, journals, redis, registry, loadBalancer]) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }
  chmodSync(data, 0o700);
}
