import assert from 'node:assert/strict';
import { test } from 'node:test';
import { destroyApp } from '../../src/store/apps.ts';
import { forgetApp } from '../../src/store/forget.ts';
import { addNotification, listNotifications } from '../../src/store/notifications.ts';
import { openShop } from '../support/ledger.ts';

test('a notification of one app goes with it, and never looks like one of all apps', async (t) => {
  const { db, app } = await openShop(t);
  const wanted = { kind: 'slack', events: [], url: 'https://example.com/x', actor: 'ada' } as const;
  await addNotification(db, { ...wanted, appId: app.id });
  const { notification: ofAll } = await addNotification(db, { ...wanted, appId: null });
  await destroyApp(db, app.id);
  assert.deepEqual(await listNotifications(db), [ofAll]);
  await db.deleteFrom('environments').execute();
  await forgetApp(db, app.id);
  const kept = await db.selectFrom('notifications').select('id').execute();
  assert.deepEqual(
    kept.map(({ id }) => id),
    [ofAll.id],
  );
});
