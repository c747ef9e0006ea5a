import { randomBytes } from 'node:crypto';
import type { z } from 'zod';
import { Failure } from '../../failure.ts';
import { readMailUrl } from '../../model/mail-address.ts';
import type { Notice, NoticeMessage, Notification } from '../../model/notice.ts';
import { parseOutboundUrl, readOutboundRules } from '../../outbound/addresses.ts';
import { pinAddress } from '../../outbound/resolve.ts';
import { getApp } from '../../store/apps.ts';
import { recordChange } from '../../store/audit/audit.ts';
import { listNotices } from '../../store/notices.ts';
import { addNotification, removeNotification } from '../../store/notifications.ts';
import { noMailServer, readTellParts, tryOnce } from '../../webhooks/deliver.ts';
import { getReceiver, isOfFile, listReceivers } from '../../webhooks/receivers.ts';
import { nameApp, readAppNames } from '../app-names.ts';
import type { ApiDesk } from '../desk.ts';
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
      const { receivers } = desk.config.notifications;
      const items = (await listReceivers(desk.db, receivers)).map((each) =>
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
      const url = await readTarget(body, desk);
      const app = body.app === undefined ? null : await getApp(desk.db, body.app);
      const wanted = { kind: body.kind, events: body.events, appId: app?.id ?? null };
      const made = await recordChange(desk.db, (tx) =>
        addNotification(tx, { ...wanted, url, actor: actor.name }),
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
      const { notification } = await findReceiver(params.notification, desk);
      if (isOfFile(notification.id)) {
        throw new Failure('managed_by_file', `${notification.id} is a receiver of ${desk.config.file}.`);
      }
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
      const { notification } = await findReceiver(params.notification, desk);
      const id = `msg_${randomBytes(12).toString('hex')}`;
      const message: NoticeMessage = {
        type: 'test',
        timestamp: new Date().toISOString(),
        data: { text: `A test message of ${desk.config.url}` },
      };
      const parts = readTellParts(desk.config, desk.db);
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
      const { notification } = await findReceiver(params.notification, desk);
      const items = await listNotices(desk.db, notification.id, query.limit);
      return { json: { items: items.map(describeNotice), next: null } };
    },
  }),
];

/** Where messages are to go, and may. Throws `url_not_allowed`, `host_not_found`, `mail_not_set_up`. */
async function readTarget(
  { kind, url: text }: z.output<typeof newNotification>,
  { config }: Pick<ApiDesk, 'config'>,
): Promise<string> {
  if (kind === 'mail') {
    if (readMailUrl(text) === null) {
      const fix = 'Name one plain address, like mailto:ops@example.com.';
      throw new Failure('url_not_allowed', 'The address is not one plain address of mail.', { fix });
    }
    if (config.notifications.smtp === null) throw noMailServer();
    return text;
  }
  const rules = readOutboundRules(config);
  const url = parseOutboundUrl(text, ['https', 'http'], rules);
  await pinAddress(url, rules);
  return url.href;
}

/** Throws `notification_not_found`. */
function findReceiver(id: string | undefined, { db, config }: Pick<ApiDesk, 'db' | 'config'>) {
  return getReceiver(id ?? '', db, config.notifications.receivers);
}

/** `apps` and `environments` are null for all. */
function describe(notification: Notification, app: string | null) {
  const { id, kind, host, events, apps, environments, createdAt, createdBy } = notification;
  const filter = { apps: app === null ? apps : [app], environments };
  return { id, kind, host, events, ...filter, createdAt, createdBy };
}

function describeNotice({ id, message, state, attempts, status, answer, createdAt, endedAt }: Notice) {
  const { type: event, data } = message;
  return { id, event, text: data.text, state, attempts, status, answer, createdAt, endedAt };
}
