import { fingerprintOf } from '../../fleet/host-key.ts';
import { parsePublicKey } from '../../receive/ssh-key.ts';
import { getApp } from '../../store/apps.ts';
import { addKey, listKeys, removeKey } from '../../store/keys.ts';
import { newKey, nothing } from '../input.ts';
import { type Route, route } from '../route.ts';
import { describeCredential, describeCredentials } from '../view.ts';

export const keyRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/keys',
    scope: 'installation',
    right: 'admin',
    title: 'Lists the SSH keys',
    query: nothing,
    body: nothing,
    async answer({ desk }) {
      const keys = await listKeys(desk.db);
      const described = await describeCredentials(desk.db, keys);
      const items = described.map((each, at) => ({ ...each, fingerprint: keys[at]?.fingerprint }));
      return { json: { items, next: null } };
    },
  }),
  route({
    method: 'POST',
    path: '/keys',
    scope: 'installation',
    right: 'admin',
    title: 'Lets the holder of a public key in over SSH; with an app it is a deploy key',
    query: nothing,
    body: newKey,
    async answer({ desk, actor, body }) {
      const { blob } = parsePublicKey(body.key);
      const app = body.app === undefined ? null : await getApp(desk.db, body.app);
      const added = await addKey(desk.db, {
        name: body.name,
        appId: app?.id ?? null,
        env: body.env ?? null,
        rights: [...new Set(body.rights)],
        days: body.days,
        actor: actor.name,
        fingerprint: fingerprintOf(blob),
        blob,
      });
      const { fingerprint } = added;
      return { status: 201, json: { ...describeCredential(added, app?.name ?? null), fingerprint } };
    },
  }),
  route({
    method: 'DELETE',
    path: '/keys/:key',
    scope: 'installation',
    right: 'admin',
    title: 'Takes a key away by its id or fingerprint',
    query: nothing,
    body: nothing,
    async answer({ desk, params }) {
      const { id, name, fingerprint, revokedAt } = await removeKey(desk.db, params.key ?? '');
      return { json: { id, name, fingerprint, revokedAt } };
    },
  }),
];
