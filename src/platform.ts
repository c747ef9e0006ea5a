import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { passwordsOf } from './config/passwords.ts';
import type { Config } from './config.ts';
import { openLocalDocker } from './fleet/docker.ts';
import { openFleet } from './fleet/fleet.ts';
import { openJournals } from './log/journal.ts';
import { openLog } from './log/process-log.ts';
import type { Logger, PipelineDrivers } from './pipeline/drivers.ts';
import { findWritten, readServers } from './pipeline/environment.ts';
import { pullImage } from './publish/perform.ts';
import { planRegistry } from './publish/registry.ts';
import { openWakener, type RedisAddress, refuseLossyRedis } from './queue/queue.ts';
import { openGit } from './receive/git/repositories.ts';
import type { LoadBalancer } from './route/load-balancer.ts';
import { openHaproxy } from './route/load-balancers/haproxy.ts';
import { applyRoutes } from './route/perform.ts';
import { type MasterKeys, openMasterKeys } from './secrets/master-key.ts';
import { openLedger } from './store/database.ts';
import { findPin } from './store/pins.ts';
import { readDeployRedactor } from './store/redaction.ts';
import { type Folders, makeFolders, planFolders } from './supervise/folders.ts';
import { keepLoopbackPort } from './supervise/loopback-port.ts';

/** Every driver of an installation, opened and wired; the server and each worker open one of their own. */
export type Platform = {
  readonly config: Config;
  readonly folders: Folders;
  readonly masters: MasterKeys;
  readonly drivers: PipelineDrivers;
  readonly loadBalancer: LoadBalancer;
  readonly redis: RedisAddress;
  readonly log: Logger;
  [Symbol.asyncDispose](): Promise<void>;
};

/** Where Redis is: a socket of ours, or the operator's. */
export function redisAddress(config: Config, folders: Folders): RedisAddress {
  return config.redis === 'embedded' ? { socket: folders.redisSocket } : { url: config.redis.url };
}

/** Throws `ledger_*` and `redis_policy`; what is down is waited for by those who use it. */
export async function openPlatform(config: Config, role: string): Promise<Platform> {
  await using opened = new AsyncDisposableStack();
  const folders = planFolders(config.data);
  makeFolders(folders);
  const log = openLog(role, passwordsOf(config));
  const masters = openMasterKeys(config.secrets);
  const { db } = opened.use(await openLedger(folders.ledger, masters));
  const redis = redisAddress(config, folders);
  if (config.redis !== 'embedded') await refuseLossyRedis(redis, (message) => log.warn({}, message));
  const wakener = opened.use(await openWakener(redis, log));
  const port = await keepLoopbackPort(join(folders.run, 'registry.port'));
  const registry = planRegistry(config.registry, port);
  const loadBalancer = opened.use(
    openHaproxy({ folder: folders.loadBalancer, listen: config.loadBalancer.listen, log }),
  );
  const isSticky = (env: string) => findWritten(config, env)?.sticky ?? false;
  const fleet = opened.use(
    openFleet({
      readServers: () => readServers({ config, db }),
      findPin: (name) => findPin(db, name),
      readIdentity: (path) => readFile(path),
      registryTarget: registry.tunnelled ? { host: '127.0.0.1', port } : undefined,
      log: (message) => log.info({}, message),
    }),
  );
  const drivers: PipelineDrivers = {
    config,
    db,
    journals: openJournals(folders.journals, config.limits.log, (deployId) =>
      readDeployRedactor(db, deployId, passwordsOf(config)),
    ),
    git: openGit({ repositories: folders.repositories }),
    builder: openLocalDocker({ socketPath: config.builders.socket }),
    registry,
    log,
    touch: async (lane, environmentId) => {
      await wakener.touch(lane, environmentId);
    },
    rollout: {
      db,
      fleet,
      bringImage: (connection, image, signal) =>
        pullImage({ connection, image, registry, diskFloor: config.limits.diskFloor, signal }),
      applyRoutes: (signal, slot) => applyRoutes(db, { loadBalancer, isSticky }, { signal, slot }),
      drain: async (slot, names, deadlineMs, signal) => {
        await loadBalancer.drain(slot, names, { deadlineMs, signal });
      },
      traffic: (slot) => loadBalancer.traffic(slot),
      listDown: () => loadBalancer.listDown(),
      random: Math.random,
    },
  };
  const keep = opened.move();
  return {
    config,
    folders,
    masters,
    drivers,
    loadBalancer,
    redis,
    log,
    [Symbol.asyncDispose]: () => keep.disposeAsync(),
  };
}
