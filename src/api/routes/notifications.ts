import { randomBytes } from 'node:crypto';
import { Failure } from '../../failure.ts';
import type { Notice, NoticeMessage, Notification } from '../../model/notice.ts';
import { parseOutboundUrl, readOutboundRules } from '../../outbound/addresses.ts';
import { pinAddress } from '../../outbound/resolve.ts';
import { getApp } from '../../store/apps.ts';
import { recordChange } from '../../store/audit.ts';
import { listNotices } from '../../store/notices.ts';
import {
  addNotification,
  getNotification,
  listNotifications,
  removeNotification,
} from '../../store/notifications.ts';
import { tryOnce } from '../../webhooks/tell.ts';
import { nameApp, readAppNames } from '../app-names.ts';
import { nothing } from '../input.ts';
import { newNotification } from '../input-notifications.ts';
import { pageQuery } from '../page.ts';
import { type Route, route } from '../route.ts';

export const notificationRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/notifications',
    scope: 'installation',
    right: 'admin',
    title: 'Who is told what happens',
    query: nothing,
    body: nothing,
    listBy: ['createdAt', 'id'],
    async answer({ desk }) {
      const names = await readAppNames(desk.db);
      const items = (await listNotifications(desk.db)).map((each) =>
        describe(each, nameApp(names, each.appId)),
      );
      return { json: { items, next: null } };
    },
  }),
  route({
    method: 'POST',
    path: '/notifications',
    scope: 'installation',
    right: 'admin',
    title: 'Has somebody told what happens; a secret for signatures is shown this once',
    query: nothing,
    body: newNotification,
    shownOnce: true,
    async answer({ desk, actor, body }) {
      const rules = readOutboundRules(desk.config);
      const url = parseOutboundUrl(body.url, ['https', 'http'], rules);
      await pinAddress(url, rules);
      const app = body.app === undefined ? null : await getApp(desk.db, body.app);
      const wanted = { kind: body.kind, events: body.events, appId: app?.id ?? null };
      const made = await recordChange(desk.db, (tx) =>
        addNotification(tx, { ...wanted, url: url.href, actor: actor.name }),
      );
      const shown = describe(made.notification, app?.name ?? null);
      return { status: 201, json: { ...shown, secret: made.secret } };
    },
  }),
  route({
    method: 'DELETE',
    path: '/notifications/:notification',
    scope: 'installation',
    right: 'admin',
    title: 'Tells somebody no more',
    query: nothing,
    body: nothing,
    async answer({ desk, params }) {
      const { notification } = await getNotification(desk.db, params.notification ?? '');
      await recordChange(desk.db, (tx) => removeNotification(tx, notification.id));
      return { json: { id: notification.id, removed: true } };
    },
  }),
  route({
    method: 'POST',
    path: '/notifications/:notification/test',
    scope: 'installation',
    right: 'admin',
    title: 'Sends a message now, once, and shows what the receiver answered',
    query: nothing,
    body: nothing,
    async answer({ desk, params, signal }) {
      const { notification } = await getNotification(desk.db, params.notification ?? '');
      const id = `msg_${randomBytes(12).toString('hex')}`;
      const message: NoticeMessage = {
        type: 'test',
        timestamp: new Date().toISOString(),
        data: { text: `A test message of ${desk.config.url}` },
      };
      const parts = { db: desk.db, rules: readOutboundRules(desk.config) };
      const { status, answer } = await tryOnce(
        { id, notificationId: notification.id, message },
        parts,
        signal,
      );
      if (status === null) throw new Failure('receiver_not_reached', `Nothing was sent: ${answer}.`);
      return { json: { id, delivered: status >= 200 && status < 300, status, answer } };
    },
  }),
  route({
    method: 'GET',
    path: '/notifications/:notification/deliveries',
    scope: 'installation',
    right: 'admin',
    title: 'Messages to one receiver, with what became of them; the newest first',
    query: pageQuery.omit({ cursor: true }),
    body: nothing,
    async answer({ desk, params, query }) {
      const { notification } = await getNotification(desk.db, params.notification ?? '');
      const items = await listNotices(desk.db, notification.id, query.limit);
      return { json: { items: items.map(describeNotice), next: null } };
    },
  }),
];

function describe({ id, kind, host, events, createdAt, createdBy }: Notification, app: string | null) {
  return { id, kind, host, events, app, createdAt, createdBy };
}

function describeNotice({ id, message, state, attempts, status, answer, createdAt, endedAt }: Notice) {
  const { type: event, data } = message;
  return { id, event, text: data.text, state, attempts, status, answer, createdAt, endedAt };
}
