import type { Config } from '../config.ts';
import type { Deploy } from '../model/deploy.ts';
import { describeChange } from '../model/settings-change.ts';
import { defaultDomain } from '../route/table.ts';
import type { Credential } from '../store/access/credential.ts';
import { listUsers } from '../store/access/users.ts';
import { findApproval } from '../store/approvals.ts';
import type { Place } from '../store/apps.ts';
import type { Database } from '../store/database.ts';
import { getSource } from '../store/deploys.ts';
import { findVersion, getRelease } from '../store/releases.ts';
import { listDomains } from '../store/routes.ts';
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
export async function describeDeploy(db: Database, deploy: Deploy, { app, environment }: Place) {
  const source = deploy.sourceId === null ? null : await getSource(db, deploy.sourceId);
  const release = deploy.releaseId === null ? null : await findVersion(db, deploy.releaseId);
  const from = deploy.fromReleaseId === null ? null : await getRelease(db, deploy.fromReleaseId);
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
    release,
    rollbackTo: from?.version ?? null,
    commit: source?.commit ?? from?.commit ?? null,
    ref: source?.ref ?? null,
    author: source?.author ?? from?.author ?? null,
    message: source?.message ?? from?.message ?? null,
    actor: deploy.actor,
    overrideFreeze: deploy.options.overrideFreeze ?? null,
    approval: await describeApproval(db, deploy),
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
async function describeApproval(db: Database, deploy: Deploy) {
  const asked = await findApproval(db, deploy.id);
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
