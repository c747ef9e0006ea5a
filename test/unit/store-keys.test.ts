import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addKey, removeKey } from '../../src/store/access/keys.ts';
import { openTestLedger } from '../support/ledger.ts';

test('a key that is known is refused until it is removed', async (t) => {
  const { db } = await openTestLedger(t);
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
