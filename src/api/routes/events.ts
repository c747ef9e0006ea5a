import type { Actor } from '../../model/access.ts';
import type { Database } from '../../store/database.ts';
import { listEventsBefore } from '../../store/events.ts';
import { readAppNames } from '../app-names.ts';
import { describeEvent, followEvents, mayKnow, readStart } from '../event-feed.ts';
import { nothing } from '../input.ts';
import { makeCursor, type PageQuery, pageQuery, readNumberCursor } from '../page.ts';
import { type Route, route } from '../route.ts';

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
      if (wants !== 'events') return { json: await listPage(desk.db, actor, query) };
      const { db } = desk;
      return { events: followEvents({ db, feed, actor }, await readStart(db, lastEventId), signal) };
    },
  }),
];

async function listPage(db: Database, actor: Actor, { limit, cursor }: PageQuery) {
  let before = readNumberCursor('events', cursor);
  const names = await readAppNames(db);
  const items: ReturnType<typeof describeEvent>[] = [];
  for (let looked = 0; looked < mostLooked; looked += batch) {
    const rows = await listEventsBefore(db, before, batch);
    for (const row of rows) {
      if (items.length === limit) return { items, next: makeCursor('events', [Number(before)]) };
      if (mayKnow(actor, row)) items.push(describeEvent(row, names));
      before = row.id;
    }
    if (rows.length < batch) return { items, next: null };
  }
  return { items, next: makeCursor('events', [Number(before)]) };
}
