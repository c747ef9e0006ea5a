import { setTimeout as pause } from 'node:timers/promises';
import type { ApiDesk } from './api/desk.ts';
import { openLoginGate } from './api/logins.ts';
import { planApply } from './config/difference.ts';
import type { Config } from './config.ts';
import { Failure } from './failure.ts';
import type { App } from './model/app.ts';
import { acceptRetry, acceptRollback, cancelDeploy } from './pipeline/accept/accept.ts';
import { acceptChange } from './pipeline/accept/accept-change.ts';
import { acceptPromotion } from './pipeline/accept/promote.ts';
import { proposeWish } from './pipeline/accept/propose.ts';
import { acceptCommit } from './pipeline/accept/take-commit.ts';
import { acceptImage } from './pipeline/accept/take-image.ts';
import { createLimitedApp } from './pipeline/accept/user-limits.ts';
import { openServerDesk } from './pipeline/converge/servers.ts';
import { describeForecast } from './pipeline/forecast/forecast.ts';
import { forecastDeploy } from './pipeline/forecast/perform-forecast.ts';
import { decideApproval } from './pipeline/gates/approval.ts';
import { abortDeploy, continueDeploy } from './pipeline/lanes/waiting-rollout.ts';
import { measureDisk } from './pipeline/prune/disk.ts';
import { pruneAll } from './pipeline/prune/prune-all.ts';
import { renameApp } from './pipeline/rename.ts';
import { openRunDesk } from './pipeline/runs/run-desk.ts';
import type { Platform } from './platform.ts';
import { isReady as isRegistryReady } from './publish/registry.ts';
import { checkRedis } from './queue/queue.ts';
import { destroyApp, listPlaces } from './store/apps.ts';
import { recordChange } from './store/audit/audit.ts';
import { recordEvent } from './store/events.ts';
import { setMaintenance } from './store/maintenance.ts';
import { pinHostKey } from './store/pins.ts';

// A server that is out of reach is cleared when it is back; nobody waits for that.
const destroyWaitMs = 30_000;
const followMs = 8_000;

/** The pipeline as the API sees it; `readAgain` reads deploy.config.json as it is now. */
export function openApiDesk(platform: Platform, readAgain: () => Config): ApiDesk {
  const { config, drivers } = platform;
  const { db, git, journals, rollout } = drivers;
  return {
    config,
    db,
    masters: platform.masters,
    journals,
    fleet: rollout.fleet,
    logins: openLoginGate(),
    servers: openServerDesk(drivers),
    runs: openRunDesk(drivers),
    async createApp(name, actor) {
      const { user } = config.limits;
      const app = await recordChange(db, (tx) => createLimitedApp(tx, { name, actor }, user));
      await git.initRepository(app.id);
      return app;
    },
    destroyApp: (app) => destroyWhole(app, platform),
    renameApp: (wanted) => renameApp(wanted, drivers),
    rollback: (wanted) => acceptRollback(wanted, drivers),
    async plan(app, wish, actor, signal) {
      const forecast = await forecastDeploy(await proposeWish(app, wish, actor, drivers), drivers, signal);
      return { forecast, lines: describeForecast(forecast) };
    },
    change: (request) => acceptChange(request, drivers),
    listCommits: (app, from, to, most) => git.listCommits(app.id, from, to, most),
    retry: (deploy, actor, given) => acceptRetry(deploy, actor, drivers, given),
    cancel: (deploy, actor) => cancelDeploy(deploy, actor, drivers),
    deployCommit: (wanted) => acceptCommit(wanted, drivers),
    deployImage: (wanted) => acceptImage(wanted, drivers),
    promote: (wanted) => acceptPromotion(wanted, drivers),
    decideApproval: (wanted) => decideApproval(wanted, drivers),
    continue: (deploy, actor) => continueDeploy(deploy, actor, drivers),
    abort: (deploy, actor) => abortDeploy(deploy, actor, drivers),
    async setMaintenance(place, text, actor) {
      await setMaintenance(db, place, text, actor);
      return followRoutes(platform);
    },
    readiness: () => checkReadiness(platform),
    planApply: async () => planApply(config, readAgain()).lines,
    apply: () => applyFile(platform, readAgain),
    readHostKey: async (name, signal) =>
      rollout.fleet.readHostKey(await rollout.fleet.getServer(name), signal),
    async trustServer(name, fingerprint, actor, signal) {
      const shown = await rollout.fleet.readHostKey(await rollout.fleet.getServer(name), signal);
      if (shown !== fingerprint) {
        throw new Failure('host_key_changed', `${name} shows ${shown}, not ${fingerprint}.`);
      }
      await recordChange(db, (tx) => pinHostKey(tx, name, fingerprint, actor));
    },
    measureDisk: (signal) => measureDisk(drivers, signal),
    async prune({ server, planOnly, actor }, signal) {
      if (!planOnly) {
        const detail = server ?? 'everywhere';
        await recordEvent(db, { actor, action: 'disk:prune', appId: null, env: null, detail });
      }
      return pruneAll(server, drivers, { planOnly, urgent: true, signal });
    },
  };
}

/** The app is gone for its users at once; it resolves when nothing of it is left on any server, or after 30 s. */
async function destroyWhole(app: App, { drivers }: Platform): Promise<void> {
  const places = await listPlaces(drivers.db, app.id);
  await recordChange(drivers.db, (tx) => destroyApp(tx, app.id));
  for (const { environment } of places) {
    await drivers.touch('build', environment.id);
    await drivers.touch('rollout', environment.id);
  }
  const deadline = performance.now() + destroyWaitMs;
  while (performance.now() < deadline && (await listPlaces(drivers.db, app.id)).length > 0) await pause(100);
}

/** Applies the routes now; false when that takes too long or fails, which the upkeep makes up for. */
async function followRoutes({ drivers, log }: Platform): Promise<boolean> {
  try {
    await drivers.rollout.applyRoutes(AbortSignal.timeout(followMs));
    return true;
  } catch (error) {
    log.warn({ err: error }, 'the load balancer does not follow yet');
    return false;
  }
}

async function checkReadiness({ drivers, redis, loadBalancer, config }: Platform) {
  const { db, registry } = drivers;
  const checks = {
    ledger: () => db.selectFrom('apps').select('id').limit(1).execute(),
    redis: () => checkRedis(redis),
    registry: async () => {
      if (config.registry === 'embedded' && !(await isRegistryReady(registry.address))) {
        throw new Error('it does not answer');
      }
    },
    loadBalancer: async () => {
      if (!(await loadBalancer.isReady())) throw new Error('it does not answer');
    },
  };
  return Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      try {
        await check();
        return { name, ok: true, detail: 'ok' };
      } catch (error) {
        return { name, ok: false, detail: (error as Error).message };
      }
    }),
  );
}

/** The supervisor starts the server and its workers anew, which then read the file. */
async function applyFile({ config }: Platform, readAgain: () => Config): Promise<readonly string[]> {
  const { lines } = planApply(config, readAgain());
  if (lines.length === 0) return lines;
  if (process.send === undefined) {
    throw new Failure(
      'not_supervised',
      'This server was not started by hawser up, so it cannot start itself anew.',
    );
  }
  process.send({ restart: true });
  return lines;
}
