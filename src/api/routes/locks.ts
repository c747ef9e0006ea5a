import { readEnvironmentConfig } from '../../pipeline/environment.ts';
import { lockApp, unlockApp } from '../../pipeline/gates/lock.ts';
import type { Lock } from '../../store/locks.ts';
import { requireRight } from '../authorize.ts';
import type { ApiDesk } from '../desk.ts';
import { envQuery, nothing } from '../input.ts';
import { lockBody } from '../input-gates.ts';
import { type Route, route } from '../route.ts';

export const lockRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/apps/:app/lock',
    scope: 'app-part',
    right: 'deploy',
    title: 'Refuses every deploy of an app, or of one environment, until it is unlocked or for some time',
    query: nothing,
    body: lockBody,
    async answer({ desk, app, actor, body }) {
      const { message, force } = body;
      requireRight(actor, 'deploy', { app, env: body.env });
      const env = await checkEnv(desk, body.env);
      const wanted = { app, env, message, forMs: body.for ?? null, force, actor: actor.name };
      return { status: 201, json: describeLock(await lockApp(wanted, desk.db, new Date())) };
    },
  }),
  route({
    method: 'DELETE',
    path: '/apps/:app/lock',
    scope: 'app-part',
    right: 'deploy',
    title: 'Takes deploys again',
    query: envQuery,
    body: nothing,
    async answer({ desk, app, actor, query }) {
      requireRight(actor, 'deploy', { app, env: query.env });
      const env = query.env ?? null;
      await unlockApp({ app, env, actor: actor.name }, desk.db, new Date());
      return { json: { app: app.name, env, locked: false } };
    },
  }),
];

/** Throws `environment_unknown`. */
async function checkEnv(desk: ApiDesk, env: string | undefined): Promise<string | null> {
  return env === undefined ? null : (await readEnvironmentConfig(desk, env)).name;
}

/** A lock as the API shows it. */
export function describeLock({ appId: _id, ...lock }: Lock) {
  return lock;
}
