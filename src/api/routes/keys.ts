import { Failure } from '../../failure.ts';
import { fingerprintOf } from '../../fleet/host-key.ts';
import type { Actor } from '../../model/access.ts';
import { parsePublicKey } from '../../receive/ssh/key.ts';
import { addKey, getKey, listKeys, removeKey } from '../../store/access/keys.ts';
import { recordChange } from '../../store/audit/audit.ts';
import { getSeenApp, refuseMoreThanOwn, requireRight } from '../authorize.ts';
import type { ApiDesk } from '../desk.ts';
import { newKey, nothing } from '../input.ts';
import { boundCredential, type CredentialWish, isOwn, refuseBorrowed } from '../own-credential.ts';
import { type Route, route } from '../route.ts';
import { describeCredentials } from '../view.ts';

/** Users have their own keys, the admins of an app its deploy keys, administrators all. */
export const keyRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/keys',
    scope: 'visible',
    right: 'read',
    title: 'Lists the own SSH keys and those of apps that one is the admin of, or all for an administrator',
    query: nothing,
    body: nothing,
    listBy: ['createdAt', 'id'],
    async answer({ desk, actor }) {
      const keys = (await listKeys(desk.db)).filter((key) => isOwn(actor, key));
      const described = await describeCredentials(desk.db, keys);
      const items = described.map((each, at) => ({ ...each, fingerprint: keys[at]?.fingerprint }));
      return { json: { items, next: null } };
    },
  }),
  route({
    method: 'POST',
    path: '/keys',
    scope: 'visible',
    right: 'read',
    title: 'Lets the holder of a public key in over SSH: the user who adds it, or with deployKey an app',
    query: nothing,
    body: newKey,
    async answer({ desk, actor, body }) {
      const { blob } = parsePublicKey(body.key);
      const bounds = body.deployKey
        ? await boundDeployKey(desk, actor, body)
        : await boundOwnKey(desk, actor, body);
      const fingerprint = fingerprintOf(blob);
      const wanted = { ...bounds, name: body.name, days: body.days, actor: actor.name, fingerprint, blob };
      const added = await recordChange(desk.db, (tx) => addKey(tx, wanted));
      const [shown] = await describeCredentials(desk.db, [added]);
      return { status: 201, json: { ...shown, fingerprint } };
    },
  }),
  route({
    method: 'DELETE',
    path: '/keys/:key',
    scope: 'visible',
    right: 'read',
    title: 'Takes an own key away by its id or fingerprint, or one of an app, or any for an administrator',
    query: nothing,
    body: nothing,
    async answer({ desk, actor, params }) {
      refuseBorrowed(actor);
      const which = params.key ?? '';
      if (!isOwn(actor, await getKey(desk.db, which))) {
        throw new Failure('key_not_found', `There is no valid key ${JSON.stringify(which)}.`);
      }
      const gone = await recordChange(desk.db, (tx) => removeKey(tx, which));
      const { id, name, fingerprint, revokedAt } = gone;
      return { json: { id, name, fingerprint, revokedAt } };
    },
  }),
];

async function boundOwnKey(desk: ApiDesk, actor: Actor, wish: CredentialWish) {
  // A person's key is the person.
  const { app: _, ...bounds } = await boundCredential(
    desk,
    actor,
    wish,
    actor.userId === null ? ['push'] : ['admin'],
  );
  return bounds;
}

/** Throws `user_needed`, `wrong_usage` without an app, `app_not_found`, `not_allowed`. */
async function boundDeployKey(
  { db }: ApiDesk,
  actor: Actor,
  { app: name, env, rights = ['read'] }: CredentialWish,
) {
  if (name === undefined) throw new Failure('wrong_usage', 'A deploy key is of one app: name it.');
  const app = await getSeenApp(db, actor, name);
  requireRight(actor, 'admin', { app });
  refuseBorrowed(actor);
  const given = { appId: app.id, env: env ?? null, rights: [...new Set(rights)] };
  if (!rights.every((right) => right === 'read' || right === 'push')) {
    throw new Failure('wrong_usage', 'A deploy key may read and push, nothing else.');
  }
  refuseMoreThanOwn(actor, given);
  return { ...given, userId: null };
}
