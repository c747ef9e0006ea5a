import type { Config } from '../config.ts';
import type { Deploy } from '../model/deploy.ts';
import { defaultDomain } from '../route/table.ts';
import type { Place } from '../store/apps.ts';
import type { Database } from '../store/database.ts';
import { getSource } from '../store/deploys.ts';
import { getRelease } from '../store/releases.ts';
import { listDomains } from '../store/routes.ts';
import type { Token } from '../store/tokens.ts';

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
  const release = deploy.releaseId === null ? null : await getRelease(db, deploy.releaseId);
  const from = deploy.fromReleaseId === null ? null : await getRelease(db, deploy.fromReleaseId);
  return {
    id: deploy.id,
    app: app.name,
    env: environment.name,
    kind: deploy.kind,
    state: deploy.state,
    stopRequest: deploy.stopRequest,
    release: release?.version ?? null,
    rollbackTo: from?.version ?? null,
    commit: source?.commit ?? from?.commit ?? null,
    ref: source?.ref ?? null,
    author: source?.author ?? from?.author ?? null,
    message: source?.message ?? from?.message ?? null,
    actor: deploy.actor,
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

/** A token as the API shows it: never the token itself. */
export function describeToken(token: Token, appName: string | null) {
  const { id, name, rights, createdAt, createdBy, expiresAt, revokedAt, lastUsedOn } = token;
  return { id, name, app: appName, rights, createdAt, createdBy, expiresAt, revokedAt, lastUsedOn };
}
