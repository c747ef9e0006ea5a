import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { createApp, ensureEnvironment } from '../../src/store/apps.ts';
import { openLedger } from '../../src/store/database.ts';
import { testMasters } from './master-key.ts';

/** A ledger in a folder of its own, which goes with the test. */
export async function openTestLedger(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'hawser-ledger-'));
  // In turn from the last to the first: the ledger is closed before its folder goes.
  const opened = new AsyncDisposableStack();
  t.after(() => opened.disposeAsync());
  opened.defer(() => rm(folder, { recursive: true }));
  const file = join(folder, 'ledger.db');
  const { db } = opened.use(await openLedger(file, testMasters));
  return { db, file, folder };
}

/** The same with the app "shop" and its environment "production". */
export async function openShop(t: TestContext) {
  const ledger = await openTestLedger(t);
  const app = await createApp(ledger.db, 'shop', 'test');
  const place = { name: 'production', domain: 'shop.localhost' };
  return { ...ledger, app, environment: await ensureEnvironment(ledger.db, app, place) };
}
