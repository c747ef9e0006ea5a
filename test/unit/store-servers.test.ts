import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listHappenings, noteReached } from '../../src/store/notices.ts';
import { forgetServer } from '../../src/store/servers.ts';
import { openTestLedger } from '../support/ledger.ts';

test('a server that is removed while it is lost leaves nothing to the next one of its name', async (t) => {
  const { db } = await openTestLedger(t);
  for (let look = 0; look < 3; look += 1) await noteReached(db, 'app1', false);
  await forgetServer(db, 'app1', 'ada');
  await noteReached(db, 'app1', true);
  const told = await listHappenings(db, 9);
  assert.deepEqual(
    told.map(({ event }) => event),
    ['server.lost'],
  );
});
