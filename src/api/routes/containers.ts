import { passwordsOf } from '../../config/passwords.ts';
import { Failure } from '../../failure.ts';
import { networkName } from '../../fleet/container.ts';
import { observeFleet } from '../../fleet/observe.ts';
import { allow } from '../../model/access.ts';
import { namesOf } from '../../model/app.ts';
import type { ObservedServer } from '../../model/container.ts';
import type { Place } from '../../store/apps.ts';
import { readRedactor } from '../../store/redaction.ts';
import { findReleaseByVersion, getRelease } from '../../store/releases.ts';
import { readSettings } from '../../store/settings.ts';
import { mergeLogs } from '../container-logs.ts';
import type { ApiDesk } from '../desk.ts';
import { describeDockerRun } from '../docker-spec.ts';
import { envQuery, logsQuery, nothing } from '../input.ts';
import { type Route, route } from '../route.ts';
import { parseSince } from '../since.ts';

const usualTail = 100;

export const containerRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/apps/:app/ps',
    scope: 'environment',
    right: 'read',
    title: 'What runs of an app, as the servers tell it now',
    query: envQuery,
    body: nothing,
    listBy: ['server', 'process', '-release', 'index'],
    async answer({ desk, place, signal }) {
      const { containers, unreachable } = await observe(desk, place, signal);
      const items = containers.map(({ imageId: _, ...shown }) => shown);
      const wanted = await listWanted(desk, place);
      return { json: { env: place.environment.name, wanted, items, unreachable, next: null } };
    },
  }),
  route({
    method: 'GET',
    path: '/apps/:app/docker',
    scope: 'environment',
    right: 'admin',
    title: 'The plain docker run line of every container, with its whole environment',
    query: envQuery,
    body: nothing,
    listBy: ['server', 'name'],
    async answer({ desk, place, signal }) {
      const { containers, unreachable } = await observe(desk, place, signal);
      const items = await Promise.all(
        containers.map(async (container) => ({
          server: container.server,
          name: container.name,
          network: networkName(container.app, container.env),
          command: await describeDockerRun(desk, place, container),
        })),
      );
      return { json: { env: place.environment.name, items, unreachable, next: null } };
    },
  }),
  route({
    method: 'GET',
    path: '/apps/:app/logs',
    scope: 'environment',
    right: 'logs',
    title: 'What the containers write, merged over the servers',
    query: logsQuery,
    body: nothing,
    async answer({ desk, app, place, actor, query, lastEventId, signal }) {
      const { id, name: env } = place.environment;
      const mayRead = allow(actor, 'config:read', { app, env });
      const redactor = mayRead ? null : await readRedactor(desk.db, id, passwordsOf(desk.config));
      if (query.release !== undefined) await refuseUnknownRelease(desk, place, query.release);
      const begin = query.since === undefined ? undefined : parseSince(query.since, Date.now());
      // Who comes back misses nothing; otherwise a time alone is a bound.
      const tail =
        lastEventId !== undefined ? null : (query.tail ?? (begin === undefined ? usualTail : null));
      const since = lastEventId ?? begin;
      return { events: await mergeLogs(desk, place, { ...query, tail, since, redactor }, signal) };
    },
  }),
];

async function refuseUnknownRelease({ db }: ApiDesk, { environment }: Place, version: number): Promise<void> {
  if ((await findReleaseByVersion(db, environment.id, version)) !== undefined) return;
  throw new Failure('release_not_found', `${environment.name} has no release v${version}.`);
}

/** How many of each process are to run; null for one on every server. One that is stopped has 0. */
async function listWanted({ db }: ApiDesk, { environment }: Place) {
  const { id, currentReleaseId } = environment;
  if (currentReleaseId === null) return [];
  const { processes } = await getRelease(db, currentReleaseId);
  const { stopped = [] } = await readSettings(db, id);
  return processes.map(({ type, quantity }) => ({
    process: type,
    quantity,
    stopped: stopped.includes(type),
  }));
}

async function observe({ fleet }: ApiDesk, { app, environment }: Place, signal: AbortSignal) {
  const filter = { app: namesOf(app), env: environment.name };
  const seen = await observeFleet(fleet, Object.keys(await fleet.readServers()), filter, signal);
  const containers = seen.flatMap((server) => (server.reachable ? server.containers : []));
  return { containers, unreachable: seen.flatMap(describeUnreachable) };
}

function describeUnreachable(seen: ObservedServer) {
  return seen.reachable ? [] : [{ server: seen.server, reason: seen.reason }];
}
