import { listAudit, listAuditAfter } from '../../store/audit/audit.ts';
import { verifyAudit } from '../../store/audit/audit-chain.ts';
import { nothing } from '../input.ts';
import { auditExportQuery, auditQuery, auditVerifyQuery, parseSince } from '../input-audit.ts';
import { makeCursor, readNumberCursor } from '../page.ts';
import { type Route, route } from '../route.ts';

export const auditRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/audit',
    scope: 'installation',
    right: 'admin',
    title: 'Who did what from where, and what was refused; the newest first',
    query: auditQuery,
    body: nothing,
    async answer({ desk, query }) {
      const { app, actor, since, limit, cursor } = query;
      const found = await listAudit(desk.db, {
        app,
        actor,
        since: since === undefined ? undefined : parseSince(since, new Date()),
        before: readNumberCursor('audit', cursor),
        limit: limit + 1,
      });
      const items = found.slice(0, limit);
      const last = items.at(-1);
      const next = found.length > limit && last !== undefined ? makeCursor('audit', [last.seq]) : null;
      return { json: { items, next } };
    },
  }),
  route({
    method: 'GET',
    path: '/audit/export',
    scope: 'installation',
    right: 'admin',
    title: 'Entries with everything that their hashes are made of, the oldest first, behind a number',
    query: auditExportQuery,
    body: nothing,
    async answer({ desk, query: { after, limit } }) {
      const items = await listAuditAfter(desk.db, after, limit);
      return { json: { items, next: items.length === limit ? String(items.at(-1)?.seq) : null } };
    },
  }),
  route({
    method: 'GET',
    path: '/audit/verify',
    scope: 'installation',
    right: 'admin',
    title: 'Goes through the whole chain and names the first entry that is not as it was written',
    query: auditVerifyQuery,
    body: nothing,
    answer: async ({ desk, query }) => ({ json: await verifyAudit(desk.db, query.anchor ?? null) }),
  }),
];
