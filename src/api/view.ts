import type { Config } from '../config.ts';
import type { Deploy } from '../model/deploy.ts';
import type { Release } from '../model/release.ts';
import { describeChange } from '../model/settings-change.ts';
import { defaultDomain } from '../route/table.ts';
import type { Credential } from '../store/access/credential.ts';
import { listUsers } from '../store/access/users.ts';
import { type Approval, readApprovals } from '../store/approvals.ts';
import type { Place } from '../store/apps.ts';
import type { Database } from '../store/database.ts';
import { getRelease, readVersions } from '../store/releases.ts';
import { listDomains } from '../store/routes.ts';
import { readSources } from '../store/sources.ts';
import { nameApp, readAppNames } from './app-names.ts';

/** The remote of an app without its token, as users add it. */
export function remoteOf(config: Pick<Config, 'url'>, app: string): string {
  const url = new URL(config.url);
  url.username = 'deploy';
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/${app}.git`;
  return url.href;
}

/** Where an environment answers: its own domains, or the one that it will have. */
export async function readUrls(
  db: Database,
  config: Config,
  { app, environment }: Pick<Place, 'app' | 'environment'>,
): Promise<readonly string[]> {
  const domains = await listDomains(db, environment.id);
  const known = domains.length > 0 ? domains : [defaultDomain(config.domain, app.name, environment.name)];
  const { port } = config.loadBalancer.listen;
  return known.map((domain) => `http://${domain}${port === 80 ? '' : `:${port}`}`);
}

/** A deploy as the API shows it: names and numbers that people use, no ids of rows. */
export async function describeDeploy(db: Database, deploy: Deploy, place: Place) {
  return describeAmong(deploy, place, await readAround(db, [deploy]));
}

/** Many of them, with a few questions to the ledger for all; `places` by the environments' ids. */
export async function describeDeploys(
  db: Database,
  deploys: readonly Deploy[],
  places: ReadonlyMap<string, Place>,
) {
  const around = await readAround(db, deploys);
  return deploys.flatMap((deploy) => {
    const place = places.get(deploy.environmentId);
    return place === undefined ? [] : [describeAmong(deploy, place, around)];
  });
}

/** What the ledger has beside deploys that is shown with them. */
async function readAround(db: Database, deploys: readonly Deploy[]) {
  const idsOf = (field: 'sourceId' | 'releaseId' | 'fromReleaseId') => [
    ...new Set(deploys.flatMap((deploy) => deploy[field] ?? [])),
  ];
  const froms = new Map<number, Release>();
  for (const id of idsOf('fromReleaseId')) froms.set(id, await getRelease(db, id));
  return {
    sources: await readSources(db, idsOf('sourceId')),
    versions: await readVersions(db, idsOf('releaseId')),
    approvals: await readApprovals(
      db,
      deploys.map(({ id }) => id),
    ),
    froms,
  };
}

function describeAmong(
  deploy: Deploy,
  { app, environment }: Place,
  { sources, versions, approvals, froms }: Awaited<ReturnType<typeof readAround>>,
) {
  const source = deploy.sourceId === null ? undefined : sources.get(deploy.sourceId);
  const from = deploy.fromReleaseId === null ? undefined : froms.get(deploy.fromReleaseId);
  return {
    id: deploy.id,
    app: app.name,
    env: environment.name,
    kind: deploy.kind,
    /** What a change of settings changes: of variables only the names. */
    change: deploy.options.change === undefined ? null : describeChange(deploy.options.change),
    /** What was built elsewhere. */
    image: deploy.options.image ?? null,
    state: deploy.state,
    hold: deploy.hold,
    stopRequest: deploy.stopRequest,
    release: versions.get(deploy.releaseId ?? 0) ?? null,
    rollbackTo: from?.version ?? null,
    commit: source?.commit ?? from?.commit ?? null,
    ref: source?.ref ?? null,
    author: source?.author ?? from?.author ?? null,
    message: source?.message ?? from?.message ?? null,
    actor: deploy.actor,
    overrideFreeze: deploy.options.overrideFreeze ?? null,
    approval: describeApproval(approvals.get(deploy.id)),
    failure:
      deploy.failureCode === null
        ? null
        : { code: deploy.failureCode, message: deploy.failureMessage, fix: deploy.failureFix },
    createdAt: deploy.createdAt,
    startedAt: deploy.startedAt,
    switchedAt: deploy.switchedAt,
    endedAt: deploy.endedAt,
  };
}

/** Who was asked for approval and what became of it; null for a deploy that needed none. */
function describeApproval(asked: Approval | undefined) {
  if (asked === undefined) return null;
  const { askedBy, askedAt, decision } = asked;
  return { askedBy, askedAt, decision };
}

/** A token or key as the API shows it: never a secret. */
function describeCredential(credential: Credential, app: string | null, user: string | null) {
  const { id, name, env, rights, createdAt, createdBy, expiresAt, revokedAt, lastUsedOn } = credential;
  return { id, name, app, env, rights, user, createdAt, createdBy, expiresAt, revokedAt, lastUsedOn };
}

/** Tokens or keys with the names of their apps and users; one of an app that is gone says so. */
export async function describeCredentials<T extends Credential>(db: Database, credentials: readonly T[]) {
  const names = await readAppNames(db);
  const users = new Map((await listUsers(db)).map((user) => [user.id, user.name]));
  return credentials.map((each) => {
    const app = nameApp(names, each.appId);
    return describeCredential(each, app, each.userId === null ? null : (users.get(each.userId) ?? null));
  });
}
