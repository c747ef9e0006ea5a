import { Failure } from '../failure.ts';
import { type Actor, allow, toActor } from '../model/access.ts';
import type { App } from '../model/app.ts';
import { isAppName } from '../model/names.ts';
import type { GitDoor } from '../receive/http.ts';
import { appNotFound, createApp, findApp } from '../store/apps.ts';
import { authenticate } from '../store/tokens.ts';
import type { PipelineDrivers } from './drivers.ts';

/** Who may push to and fetch from which app; the password is a token, the user name is free. */
export function openDoor({ db, git, log }: Pick<PipelineDrivers, 'db' | 'git' | 'log'>): GitDoor {
  return {
    async enter(credentials, appName, right) {
      if (credentials === null) throw new Failure('token_missing', 'This needs a token as the password.');
      const actor = toActor(await authenticate(db, credentials.password));
      const app = (await findApp(db, appName)) ?? (await createOnPush(appName, right, actor));
      if (app === undefined || !allow(actor, 'read', app)) throw appNotFound(appName);
      if (!allow(actor, right, app)) {
        throw new Failure('not_allowed', `The token "${actor.name}" may not ${right} ${appName}.`);
      }
      // Made when it is first needed: a kill between the ledger's row and the repository leaves no gap.
      await git.initRepository(app.id);
      return { app: { id: app.id, name: app.name }, actor: actor.name };
    },
  };

  async function createOnPush(name: string, right: string, actor: Actor): Promise<App | undefined> {
    if (right !== 'push' || !isAppName(name) || !allow(actor, 'create', null)) return undefined;
    log.info({ app: name, actor: actor.name }, 'created by its first push');
    return createApp(db, name, actor.name);
  }
}
