import { chmodSync, rmSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { openApi } from './api/api.ts';
import { openGuests } from './api/guests.ts';
import { openApiDesk } from './api-desk.ts';
import type { Config } from './config.ts';
import { Failure } from './failure.ts';
import { openDoor } from './pipeline/accept/door.ts';
import { openPushDesk } from './pipeline/accept/push-desk.ts';
import { removeQuarantines } from './pipeline/prune/sweep.ts';
import { reconcile } from './pipeline.ts';
import { openPlatform } from './platform.ts';
import { openGitRuns } from './receive/git/runs.ts';
import { openGitHttp } from './receive/http.ts';
import { openReceiver } from './receive/perform.ts';
import { openForges } from './server/forges.ts';
import { openGitSsh } from './server/git-ssh.ts';
import { openHttp } from './server/http.ts';
import { openAudit } from './store/audit/audit-open.ts';
import { makeFolders, planFolders } from './supervise/folders.ts';
import { lockRole } from './supervise/role-lock.ts';
import { untilAborted, watchShutdown } from './supervise/shutdown.ts';
import { giveSignsOfLife } from './supervise/sign-of-life.ts';

const drainMs = 8_000;

/** Receives pushes and answers the API, until it is asked to end; `readAgain` is for `hawser apply`. Throws `already_running`, `port_in_use`. */
export async function runServer(config: Config, readAgain: () => Config): Promise<void> {
  const folders = planFolders(config.data);
  makeFolders(folders);
  using _lock = lockRole(folders.run, 'serving');
  using _signs = giveSignsOfLife();
  const shutdown = watchShutdown(new Failure('shutting_down', 'Hawser is being stopped.'));
  await using platform = await openPlatform(config, 'server');
  const { drivers, log } = platform;
  const { git, db } = drivers;
  const { limits } = config;
  // Closed last: who follows a push is told what becomes of it before the connections end.
  await using listeners = new AsyncDisposableStack();
  await using audit = openAudit(db, {
    report: (err) => log.error({ err }, 'what was refused again and again is not written down'),
  });
  await using receiver = openReceiver({
    git,
    audit,
    desk: openPushDesk(drivers),
    limits,
    allowForce: false,
    log,
  });
  await removeQuarantines(drivers);
  const door = openDoor({ config, db, git, log });
  await using runs = openGitRuns({ git, receiver, limits, log, timings: { drainMs } });
  const gitHttp = openGitHttp({ git, runs, door, audit, limits, log });
  const desk = openApiDesk(platform, readAgain);
  const guests = openGuests();
  const api = await openApi(desk, { trusted: false, log, audit, guests });
  const trusted = await openApi(desk, { trusted: true, log, audit });
  await using forges = await openForges({ config, folders, git, db, runs, audit, log });
  const respond: RequestListener = (request, response) => {
    const { url = '' } = request;
    const door = gitHttp.matches(url) ? gitHttp : forges.matches(url) ? forges : api;
    door.respond(request, response);
  };
  const { http, tls } = config.listen;
  listeners.use(await openHttp({ where: http, respond, url: config.url, tls, log }));
  listeners.use(await openSocket(folders.guestSocket, api.respond, log));
  listeners.use(await openSocket(folders.socket, trusted.respond, log));
  listeners.use(await openGitSsh(config, { door, runs, audit, guests, log }));
  await reconcile(drivers);
  log.info({ ...http, tls: tls !== null }, 'serving');
  await untilAborted(shutdown);
  await runs.drain();
  await Promise.all([api.close(), trusted.close()]);
}

/** A door for the processes of this user alone. */
async function openSocket(
  path: string,
  respond: RequestListener,
  log: Parameters<typeof openHttp>[0]['log'],
): Promise<AsyncDisposable> {
  rmSync(path, { force: true });
  const opened = await openHttp({ where: { path }, respond, url: null, log });
  chmodSync(path, 0o600);
  return opened;
}
