import type { Actor } from '../../model/access.ts';
import { recordEvent } from '../../store/events.ts';
import { describeSecrets, retireSecrets, rotateSecrets } from '../../store/sealed/secrets.ts';
import type { ApiDesk } from '../desk.ts';
import { nothing } from '../input.ts';
import { type Route, route } from '../route.ts';

export const secretsRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/secrets',
    scope: 'installation',
    right: 'admin',
    title: 'Under which keys values are sealed, and how many; never a key or a value',
    query: nothing,
    body: nothing,
    answer: async ({ desk }) => ({ json: await describeSecrets(desk.db, desk.masters) }),
  }),
  route({
    method: 'POST',
    path: '/secrets/rotate',
    scope: 'installation',
    right: 'admin',
    title: 'Makes new keys and seals everything anew; the older master key is kept until it is retired',
    query: nothing,
    body: nothing,
    answer: (asked) => change(asked, 'secrets:rotate', rotateSecrets),
  }),
  route({
    method: 'POST',
    path: '/secrets/retire',
    scope: 'installation',
    right: 'admin',
    title: 'Forgets older master keys, which then open nothing of the ledger any more',
    query: nothing,
    body: nothing,
    answer: (asked) => change(asked, 'secrets:retire', retireSecrets),
  }),
];

async function change(
  { desk: { db, masters }, actor }: { readonly desk: ApiDesk; readonly actor: Actor },
  action: string,
  perform: typeof rotateSecrets,
) {
  await perform(db, masters);
  await recordEvent(db, { actor: actor.name, action, appId: null, env: null, detail: '' });
  return { json: await describeSecrets(db, masters) };
}
