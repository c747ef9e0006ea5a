import { Failure } from '../../failure.ts';
import { fingerprintOf } from '../../fleet/host-key.ts';
import { type Actor, allow, anyEnv } from '../../model/access.ts';
import type { App } from '../../model/app.ts';
import { isAppName } from '../../model/names.ts';
import type { GitDoor } from '../../receive/git/door.ts';
import { identifyKey, identifyToken } from '../../store/access/identify.ts';
import { rememberKeyUse } from '../../store/access/keys.ts';
import { appNotFound, appRenamed, findApp, findRenamed, listApps } from '../../store/apps.ts';
import type { PipelineDrivers } from '../drivers.ts';
import { createLimitedApp } from './user-limits.ts';

export type DoorDrivers = Pick<PipelineDrivers, 'config' | 'db' | 'git' | 'log'>;

/** Who may push to and fetch from which app: over HTTP with a token as the password, over SSH with a key. */
export function openDoor({ config, db, git, log }: DoorDrivers): GitDoor {
  return {
    async identify(credentials) {
      if (credentials === null) throw new Failure('token_missing', 'This needs a token as the password.');
      return identifyToken(db, credentials.password);
    },
    async recognize(blob, entering) {
      const known = await identifyKey(db, { fingerprint: fingerprintOf(blob), blob });
      if (known !== null && entering) await rememberKeyUse(db, known.key);
      return known === null ? null : known.actor;
    },
    async enter(actor, appName, right) {
      const renamed = await findRenamed(db, appName);
      if (renamed && allow(actor, 'read', { app: renamed, env: anyEnv })) throw appRenamed(appName, renamed);
      const app = (await findApp(db, appName)) ?? (await createOnPush(appName, right, actor));
      if (app === undefined || !allow(actor, 'read', { app, env: anyEnv })) throw appNotFound(appName);
      if (!allow(actor, right, { app, env: anyEnv })) {
        throw new Failure('not_allowed', `"${actor.name}" may not ${right} ${appName}.`);
      }
      // Made when it is first needed: a kill between the ledger's row and the repository leaves no gap.
      await git.initRepository(app.id);
      return {
        app: { id: app.id, name: app.name },
        actor: actor.name,
        actorKind: actor.kind,
        mayPush: (env) => allow(actor, 'push', { app, env }),
      };
    },
    async greet({ name, grants }) {
      const names = new Map((await listApps(db)).map((app) => [app.id, app.name]));
      const said = grants.map(({ appId, env, rights }) => {
        const where = appId === null ? 'all apps' : (names.get(appId) ?? 'an app that is gone');
        return `${rights.join(', ')} on ${where}${env === null ? '' : ` in ${env}`}`;
      });
      return `You are "${name}" and can ${said.join('; ') || 'nothing yet'}.`;
    },
  };

  async function createOnPush(name: string, right: string, actor: Actor): Promise<App | undefined> {
    if (right !== 'push' || !isAppName(name) || !allow(actor, 'create', null)) return undefined;
    log.info({ app: name, actor: actor.name }, 'created by its first push');
    return createLimitedApp(db, { name, actor: actor.name }, config.limits.user);
  }
}
