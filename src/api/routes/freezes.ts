import { allow } from '../../model/access.ts';
import type { App } from '../../model/app.ts';
import { readEnvironmentConfig } from '../../pipeline/environment.ts';
import { addFreeze, endFreeze } from '../../pipeline/gates/freeze.ts';
import { readFreezeState } from '../../pipeline/gates/gate.ts';
import { type Freeze, listFreezes } from '../../store/freezes.ts';
import { type AppNames, nameApp, readAppNames } from '../app-names.ts';
import type { ApiDesk } from '../desk.ts';
import { nothing } from '../input.ts';
import { freezeBody, freezesQuery } from '../input-gates.ts';
import { type Route, route } from '../route.ts';

export const freezeRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/freezes',
    scope: 'installation',
    right: 'read',
    title: 'Lists all freezes, whether they are on, and when that changes',
    query: nothing,
    body: nothing,
    listBy: ['id'],
    async answer({ desk }) {
      const names = await readAppNames(desk.db);
      return { json: { items: describeFreezes(await listFreezes(desk.db), names), next: null } };
    },
  }),
  route({
    method: 'POST',
    path: '/freezes',
    scope: 'installation',
    right: 'admin',
    title: 'Freezes all apps in a window of time',
    query: nothing,
    body: freezeBody,
    answer: ({ desk, actor, body }) => answerAdded(desk, null, actor.name, body),
  }),
  route({
    method: 'DELETE',
    path: '/freezes/:freeze',
    scope: 'installation',
    right: 'admin',
    title: 'Removes a freeze, whichever app it is of',
    query: nothing,
    body: nothing,
    answer: ({ desk, actor, params }) => answerRemoved(desk, null, actor.name, params.freeze),
  }),
  route({
    method: 'GET',
    path: '/apps/:app/freezes',
    scope: 'app-part',
    right: 'read',
    title: 'Lists the freezes that concern an app',
    query: freezesQuery,
    body: nothing,
    listBy: ['id'],
    async answer({ desk, app, actor, query }) {
      const where = { appId: app.id, ...(query.env === undefined ? {} : { env: query.env }) };
      const isShown = ({ env }: Freeze) => env === null || allow(actor, 'read', { app, env });
      const found = (await listFreezes(desk.db, where)).filter(isShown);
      return { json: { items: describeFreezes(found, new Map([[app.id, app.name]])), next: null } };
    },
  }),
  route({
    method: 'POST',
    path: '/apps/:app/freezes',
    scope: 'app',
    right: 'admin',
    title: 'Freezes one app in a window of time',
    query: nothing,
    body: freezeBody,
    answer: ({ desk, app, actor, body }) => answerAdded(desk, app, actor.name, body),
  }),
  route({
    method: 'DELETE',
    path: '/apps/:app/freezes/:freeze',
    scope: 'app',
    right: 'admin',
    title: 'Removes a freeze of one app',
    query: nothing,
    body: nothing,
    answer: ({ desk, app, actor, params }) => answerRemoved(desk, app, actor.name, params.freeze),
  }),
];

async function answerAdded(
  desk: ApiDesk,
  app: App | null,
  actor: string,
  body: { env?: string | undefined; window: string; zone: string; reason: string },
) {
  const env = body.env === undefined ? null : (await readEnvironmentConfig(desk, body.env)).name;
  const wanted = { ...body, appId: app?.id ?? null, env };
  const freeze = await addFreeze(wanted, actor, desk.db, new Date());
  return { status: 201, json: describeFreeze(freeze, app?.name ?? null) };
}

async function answerRemoved(desk: ApiDesk, app: App | null, actor: string, id: string | undefined) {
  const number = /^[1-9]\d{0,14}$/.test(id ?? '') ? Number(id) : 0;
  const freeze = await endFreeze({ id: number, appId: app?.id ?? null }, actor, desk.db);
  return { json: { id: freeze.id, window: freeze.window, zone: freeze.zone, removed: true } };
}

function describeFreezes(freezes: readonly Freeze[], names: AppNames) {
  return freezes.map((freeze) => describeFreeze(freeze, nameApp(names, freeze.appId)));
}

/** A freeze as the API shows it, with what it is now. */
function describeFreeze({ appId: _id, ...freeze }: Freeze, app: string | null) {
  const { frozen, changesAt } = readFreezeState(freeze, new Date());
  return { ...freeze, app, on: frozen, changesAt };
}
