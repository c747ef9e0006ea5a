import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openLedger } from '../../src/store/database.ts';
import { addKey, removeKey } from '../../src/store/keys.ts';
import { testMasters } from '../support/master-key.ts';

test('a key that is known is refused until it is removed', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'hawser-keys-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const ledger = await openLedger(join(folder, 'ledger.db'), testMasters);
  t.after(() => ledger[Symbol.asyncDispose]());
  const { db } = ledger;
  const wanted = {
    name: 'laptop',
    appId: null,
    rights: ['push'] as const,
    days: null,
    actor: 'test',
    fingerprint: `SHA256:${'A'.repeat(43)}`,
    blob: Buffer.from('a key'),
  };
  const key = await addKey(db, wanted);
  await assert.rejects(addKey(db, { ...wanted, name: 'another' }), { code: 'key_exists' });
  await removeKey(db, key.id);
  await addKey(db, wanted);
});
