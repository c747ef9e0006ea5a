import { listApps } from '../../store/apps.ts';
import { listEventsBefore } from '../../store/events.ts';
import type { ApiDesk } from '../desk.ts';
import { describeEvent, followEvents, mayKnow, readStart } from '../event-feed.ts';
import { nothing } from '../input.ts';
import { makeCursor, type PageQuery, pageQuery, readNumberCursor } from '../page.ts';
import { type Asked, type Route, route } from '../route.ts';

// What one may not see is passed over: a page is looked for in so many events at a time.
const batch = 500;
const mostLooked = 20_000;

export const eventRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/events',
    scope: 'visible',
    right: 'read',
    title: 'What happened, the newest first; as an event stream what happens from now on',
    query: pageQuery,
    body: nothing,
    async answer({ desk, actor, feed, query, wants, lastEventId, signal }) {
      if (wants !== 'events') return { json: await listPage(desk, actor, query) };
      const parts = { db: desk.db, feed, actor, readNames: () => readNames(desk) };
      return { events: followEvents(parts, await readStart(desk.db, lastEventId), signal) };
    },
  }),
];

async function readNames({ db }: ApiDesk): Promise<ReadonlyMap<string, string>> {
  return new Map((await listApps(db)).map((app) => [app.id, app.name]));
}

async function listPage(
  desk: ApiDesk,
  actor: Asked<'visible', unknown, unknown>['actor'],
  { limit, cursor }: PageQuery,
) {
  let before = readNumberCursor('events', cursor);
  const names = await readNames(desk);
  const items: ReturnType<typeof describeEvent>[] = [];
  for (let looked = 0; looked < mostLooked; looked += batch) {
    const rows = await listEventsBefore(desk.db, before, batch);
    for (const row of rows) {
      if (items.length === limit) return { items, next: makeCursor('events', [Number(before)]) };
      if (mayKnow(actor, row)) items.push(describeEvent(row, names));
      before = row.id;
    }
    if (rows.length < batch) return { items, next: null };
  }
  return { items, next: makeCursor('events', [Number(before)]) };
}
