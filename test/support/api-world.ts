import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { openApi } from '../../src/api/api.ts';
import type { ApiDesk } from '../../src/api/desk.ts';
import { type Guests, openGuests } from '../../src/api/guests.ts';
import { openLoginGate } from '../../src/api/logins.ts';
import { type Config, readConfig } from '../../src/config.ts';
import { Failure } from '../../src/failure.ts';
import { openFleet } from '../../src/fleet/fleet.ts';
import { type Journals, openJournals } from '../../src/log/journal.ts';
import type { Right } from '../../src/model/access.ts';
import type { App, Environment } from '../../src/model/app.ts';
import type { Audit } from '../../src/model/audit.ts';
import type { Deploy } from '../../src/model/deploy.ts';
import { acceptRetry, acceptRollback, cancelDeploy } from '../../src/pipeline/accept/accept.ts';
import { acceptChange } from '../../src/pipeline/accept/accept-change.ts';
import { acceptPromotion } from '../../src/pipeline/accept/promote.ts';
import { acceptCommit } from '../../src/pipeline/accept/take-commit.ts';
import { acceptImage } from '../../src/pipeline/accept/take-image.ts';
import { createLimitedApp } from '../../src/pipeline/accept/user-limits.ts';
import { openServerDesk } from '../../src/pipeline/converge/servers.ts';
import { readServers } from '../../src/pipeline/environment.ts';
import { decideApproval } from '../../src/pipeline/gates/approval.ts';
import { abortDeploy, continueDeploy } from '../../src/pipeline/lanes/waiting-rollout.ts';
import { renameApp } from '../../src/pipeline/rename.ts';
import { openRunDesk } from '../../src/pipeline/runs/run-desk.ts';
import { planRegistry } from '../../src/publish/registry.ts';
import { openGit } from '../../src/receive/git/repositories.ts';
import type { ReceiveLog } from '../../src/receive/perform.ts';
import { openHttp } from '../../src/server/http.ts';
import { createToken } from '../../src/store/access/tokens.ts';
import { createApp, destroyApp, ensureEnvironment } from '../../src/store/apps.ts';
import { openAudit } from '../../src/store/audit/audit-open.ts';
import { type Database, openLedger } from '../../src/store/database.ts';
import {
  advanceDeploy,
  getDeploy,
  holdDeploy,
  recordDeploy,
  reserveDeployId,
} from '../../src/store/deploys.ts';
import { setMaintenance } from '../../src/store/maintenance.ts';
import { recordRelease, switchRelease } from '../../src/store/releases.ts';
import { planFolders } from '../../src/supervise/folders.ts';
import { hideNothing } from './hide-nothing.ts';
import { testMasters } from './master-key.ts';
import { makeRelease, web } from './rollout-model.ts';

/** The API with a real ledger and journals, served on a loopback port and on the socket of its data folder. */
export type ApiWorld = {
  readonly config: Config;
  readonly db: Database;
  readonly journals: Journals;
  readonly url: string;
  readonly logged: readonly object[];
  /** Who came in by another door. */
  readonly guests: Guests;
  readonly audit: Audit;
  readonly shop: { readonly app: App; readonly environment: Environment };
  makeToken(appId: string | null, ...rights: Right[]): Promise<string>;
  ask(method: string, path: string, asking?: Asking): Promise<Answered>;
  /** A deploy of a push to shop/production, waiting in the queue. */
  queue(): Promise<Deploy>;
  /** Ends it as the workers would: live with a release, or failed. */
  finish(deploy: Deploy, how?: 'live' | 'failed'): Promise<Deploy>;
  /** Ends every connection and serves again after `restart` resolves, as a restart of the server would. */
  restart(): Promise<void>;
};

export type Asking = {
  readonly token?: string;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
  readonly text?: string;
};

export type Answered = {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: ReturnType<typeof JSON.parse>;
};

const image = { repository: 'hawser/x', digest: `sha256:${'a'.repeat(64)}` };

/**
 * Opens it with the app `shop`; `desk` replaces parts of what is behind the API, `written` is in deploy.config.json,
 * `bringImage` has images of releases.
 */
export async function openApiWorld(
  t: TestContext,
  desk: Partial<ApiDesk> = {},
  { bringImage = noImage, ...written }: { bringImage?: typeof noImage; [key: string]: unknown } = {},
): Promise<ApiWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'hawser-api-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const part of ['run', 'keys']) mkdirSync(join(folder, 'data', part), { recursive: true });
  const port = await findFreePort();
  const file = join(folder, 'deploy.config.json');
  writeFileSync(file, JSON.stringify({ listen: { http: `127.0.0.1:${port}` }, ...written }));
  const config = readConfig(file, {});
  const ledger = await openLedger(join(config.data, 'ledger.db'), testMasters);
  t.after(() => ledger[Symbol.asyncDispose]());
  const { db } = ledger;
  const journals = openJournals(join(config.data, 'journals'), config.limits.log, hideNothing);
  const logged: object[] = [];
  const note = (fields: object, message: string) => void logged.push({ message, ...fields });
  const whole = { ...makeDesk(config, db, journals, bringImage), ...desk };
  const guests = openGuests();
  const audit = openAudit(db, { report: (error) => void logged.push({ message: String(error) }) });
  const serving = await serve(whole, {
    audit,
    log: { info: note, warn: note, error: note },
    guests,
  });
  t.after(() => serving.stop());
  const app = await createApp(db, 'shop', 'test');
  const environment = await ensureEnvironment(db, app, { name: 'production', domain: 'shop.localhost' });

  async function queue(): Promise<Deploy> {
    const id = await reserveDeployId(db);
    const commit = `${id}`.padStart(40, '0');
    const by = { author: 'Ada <ada@example.com>', message: 'a change\n\nand why', actor: 'test' };
    const source = { appId: app.id, ref: 'refs/heads/main', commit, previous: '0'.repeat(40), ...by };
    const environmentId = environment.id;
    const rest = { kind: 'push', options: {}, fromReleaseId: null, supersede: false, actor: 'test' } as const;
    return recordDeploy(db, { id, environmentId, source, ...rest });
  }

  return {
    config,
    db,
    journals,
    url: config.url,
    logged,
    guests,
    audit,
    shop: { app, environment },
    async makeToken(appId, ...rights) {
      const made = await createToken(db, { name: rights.join(' '), appId, rights, days: 1, actor: 'test' });
      return made.token;
    },
    ask: (method, path, asking) => ask(config.url, method, path, asking),
    queue,
    finish: (deploy, how = 'live') => finish(db, deploy, how),
    async restart() {
      await serving.restart();
      // The first one may find a connection of before, which is closed.
      await ask(config.url, 'GET', '/healthz').catch(() => undefined);
    },
  };
}

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

async function noImage(): Promise<string> {
  throw new Failure('image_not_in_registry', 'There is no registry here.');
}

function makeDesk(config: Config, db: Database, journals: Journals, bringImage: typeof noImage): ApiDesk {
  const drivers = { config, db, journals, touch: async () => undefined };
  const git = openGit({ repositories: planFolders(config.data).repositories });
  const fleet = openFleet({
    readServers: () => readServers({ config, db }),
    findPin: () => null,
    readIdentity: async () => Buffer.alloc(0),
    log: () => undefined,
  });
  return {
    config,
    db,
    masters: testMasters,
    journals,
    fleet,
    logins: openLoginGate(),
    runs: openRunDesk({ config, db, log: quiet, rollout: { fleet, bringImage } }),
    servers: openServerDesk({ config, db, touch: async () => undefined }),
    createApp: (name, actor) => createLimitedApp(db, { name, actor }, config.limits.user),
    destroyApp: (app) => destroyApp(db, app.id),
    renameApp: (wanted) => renameApp(wanted, drivers),
    rollback: (wanted) => acceptRollback(wanted, drivers),
    plan: () => Promise.reject(new Error('needs servers')),
    change: (request) => acceptChange(request, drivers),
    listCommits: async () => [],
    retry: (deploy, actor, given) => acceptRetry(deploy, actor, drivers, given),
    cancel: (deploy, actor) => cancelDeploy(deploy, actor, drivers),
    deployCommit: (wanted) => acceptCommit(wanted, { ...drivers, git }),
    deployImage: (wanted) => acceptImage(wanted, { ...drivers, registry: planRegistry('embedded', 5000) }),
    promote: (wanted) => acceptPromotion(wanted, drivers),
    decideApproval: (wanted) => decideApproval(wanted, drivers),
    continue: (deploy, actor) => continueDeploy(deploy, actor, drivers),
    abort: (deploy, actor) => abortDeploy(deploy, actor, drivers),
    async setMaintenance(place, text, actor) {
      await setMaintenance(db, place, text, actor);
      return true;
    },
    readiness: async () => [{ name: 'ledger', ok: true, detail: 'ok' }],
    planApply: async () => [],
    apply: async () => [],
    readHostKey: async (name, signal) => fleet.readHostKey(await fleet.getServer(name), signal),
    trustServer: async () => undefined,
    measureDisk: async () => {
      const space = { freeBytes: 1, totalBytes: 2 };
      return { floor: 0, data: { folder: config.data, space, parts: [] }, servers: [] };
    },
    prune: async () => [],
  };
}

type Serving = { stop(): Promise<void>; restart(): Promise<void> };

async function serve(
  desk: ApiDesk,
  options: Omit<Parameters<typeof openApi>[1], 'trusted' | 'log'> & { readonly log: ReceiveLog },
): Promise<Serving> {
  const { config } = desk;
  const { log } = options;
  let running: (() => Promise<void>)[] = [];
  async function start(): Promise<void> {
    const folders = planFolders(config.data);
    const api = await openApi(desk, { ...options, trusted: false });
    const trusted = await openApi(desk, { ...options, trusted: true });
    const doors = [
      { where: config.listen.http, respond: api.respond, url: config.url },
      { where: { path: folders.guestSocket }, respond: api.respond, url: null },
      { where: { path: folders.socket }, respond: trusted.respond, url: null },
    ];
    for (const door of doors) {
      const http = await openHttp({ ...door, log });
      running.push(async () => http[Symbol.asyncDispose]());
    }
    running.push(
      () => api.close(),
      () => trusted.close(),
    );
  }
  async function stop(): Promise<void> {
    await Promise.all(running.map((end) => end()));
    running = [];
  }
  await start();
  return {
    stop,
    async restart() {
      await stop();
      await start();
    },
  };
}

async function ask(url: string, method: string, path: string, asking: Asking = {}): Promise<Answered> {
  const { token, headers, body, text } = asking;
  const response = await fetch(url + path, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined && text === undefined ? {} : { body: text ?? JSON.stringify(body) }),
  });
  const answer = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') ?? false;
  return {
    status: response.status,
    headers: response.headers,
    text: answer,
    json: isJson ? JSON.parse(answer) : null,
  };
}

async function finish(db: Database, deploy: Deploy, how: 'live' | 'failed'): Promise<Deploy> {
  const held = { id: deploy.id, epoch: deploy.id };
  await holdDeploy(db, deploy.id, held.epoch);
  if (how === 'failed') {
    const failure = {
      failure_code: 'build_failed',
      failure_message: 'step 3 failed',
      failure_fix: 'Mend it.',
    };
    await advanceDeploy(db, held, { state: 'failed', ...failure });
    return getDeploy(db, deploy.id);
  }
  const release = await recordRelease(db, {
    ...makeRelease(1, [web]),
    environmentId: deploy.environmentId,
    image,
    config: { DATABASE_URL: 'postgres://secret' },
    commit: `${deploy.id}`.padStart(40, '0'),
    author: 'Ada',
    message: 'a change',
    deployId: deploy.id,
  });
  await advanceDeploy(db, held, { release_id: release.id });
  await switchRelease(db, held, release);
  await advanceDeploy(db, held, { state: 'live' });
  return getDeploy(db, deploy.id);
}

async function findFreePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
