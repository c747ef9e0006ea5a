import { once } from 'node:events';
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { ListenOptions } from 'node:net';
import { openApi } from './api/api.ts';
import { openGuests } from './api/guests.ts';
import { openApiDesk } from './api-desk.ts';
import type { Config } from './config.ts';
import { Failure } from './failure.ts';
import { openDoor } from './pipeline/door.ts';
import { openPushDesk } from './pipeline/push-desk.ts';
import { reconcile } from './pipeline.ts';
import { openPlatform } from './platform.ts';
import { openGitRuns } from './receive/git-runs.ts';
import { openGitHttp } from './receive/http.ts';
import { openReceiver } from './receive/perform.ts';
import { openGitSsh } from './server/git-ssh.ts';
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
  await using receiver = await openReceiver({
    git,
    desk: openPushDesk(drivers),
    limits,
    allowForce: false,
    socket: folders.hookSocket,
    log,
  });
  const door = openDoor({ db, git, log });
  await using runs = openGitRuns({ git, receiver, limits, log, timings: { drainMs } });
  const gitHttp = openGitHttp({ git, runs, door, limits, log });
  const desk = openApiDesk(platform, readAgain);
  const guests = openGuests();
  const api = await openApi(desk, { trusted: false, log, guests });
  const trusted = await openApi(desk, { trusted: true, log });
  const respond: RequestListener = (request, response) =>
    (gitHttp.matches(request.url ?? '') ? gitHttp : api).respond(request, response);
  listeners.use(await listen(respond, config.listen.http, log));
  rmSync(folders.socket, { force: true });
  listeners.use(await listen(trusted.respond, { path: folders.socket }, log));
  chmodSync(folders.socket, 0o600);
  listeners.use(await openGitSsh(config, { door, runs, guests, log }));
  await reconcile(drivers);
  log.info({ ...config.listen.http }, 'serving');
  await untilAborted(shutdown);
  await runs.drain();
  await Promise.all([api.close(), trusted.close()]);
}

async function listen(
  respond: RequestListener,
  where: ListenOptions,
  log: { error(fields: object, message: string): void },
): Promise<AsyncDisposable> {
  const server = createServer(
    { requestTimeout: 0, headersTimeout: 10_000, keepAliveTimeout: 60_000 },
    respond,
  );
  server.on('clientError', (_error, socket) => socket.destroy());
  server.listen(where);
  try {
    await once(server, 'listening');
  } catch (error) {
    const place = where.path ?? `${where.host}:${where.port}`;
    log.error({ place }, 'the address is taken');
    throw new Failure('port_in_use', `${place} cannot be listened on: ${(error as Error).message}.`, {
      cause: error,
    });
  }
  return { [Symbol.asyncDispose]: () => close(server) };
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
