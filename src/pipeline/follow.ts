import { resultLines } from '../log/result.ts';
import { type Deploy, hasEnded, nameProgress } from '../model/deploy.ts';
import { defaultDomain } from '../route/table.ts';
import { findPlace } from '../store/apps.ts';
import { getDeploy } from '../store/deploys.ts';
import { getRelease } from '../store/releases.ts';
import { listDomains } from '../store/routes.ts';
import type { PipelineDrivers } from './drivers.ts';

const quietMs = 10_000;

type FollowDrivers = Pick<PipelineDrivers, 'db' | 'journals' | 'config'>;

/**
 * Writes a deploy's journal as it grows, a sign of life after 10 s of quiet, and at the end the result as the
 * ledger has it. Resolves with the ended deploy; rejects only when the signal aborts.
 */
export async function followDeploy(
  deployId: number,
  write: (line: string) => void,
  drivers: FollowDrivers,
  signal: AbortSignal,
): Promise<Deploy> {
  let now = await getDeploy(drivers.db, deployId);
  const begin = performance.now();
  let heartbeat = setInterval(beat, quietMs);
  function beat() {
    write(`       … ${nameProgress(now)} (${Math.round((performance.now() - begin) / 1000)}s)`);
  }
  try {
    const hasEndedNow = async () => {
      now = await getDeploy(drivers.db, deployId);
      return hasEnded(now.state);
    };
    for await (const { line } of drivers.journals.follow(deployId, {
      from: 0,
      signal,
      hasEnded: hasEndedNow,
    })) {
      clearInterval(heartbeat);
      heartbeat = setInterval(beat, quietMs);
      write(line);
    }
  } finally {
    clearInterval(heartbeat);
  }
  signal.throwIfAborted();
  const deploy = await getDeploy(drivers.db, deployId);
  for (const line of await readResult(deploy, drivers)) write(line);
  return deploy;
}

/** The last lines of a deploy, from the ledger alone. */
export async function readResult(deploy: Deploy, { db, config }: FollowDrivers): Promise<readonly string[]> {
  const place = await findPlace(db, deploy.environmentId);
  const app = place?.app.name ?? '?';
  const env = place?.environment.name ?? '?';
  const release = deploy.releaseId === null ? null : await getRelease(db, deploy.releaseId);
  const [domain = defaultDomain(config.domain, app, env)] = await listDomains(db, deploy.environmentId);
  return resultLines({ deploy, release, app, env, url: urlOf(domain, config.loadBalancer.listen.port) });
}

function urlOf(domain: string, port: number): string {
  return `http://${domain}${port === 80 ? '' : `:${port}`}`;
}
