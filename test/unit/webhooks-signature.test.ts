import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkSignature, signStandard } from '../../src/webhooks/signature.ts';

const secret = `whsec_${Buffer.from('a secret of a webhook').toString('base64')}`;
const body = Buffer.from('{"ref": "refs/heads/main"}');
const now = new Date('2026-05-04T10:00:00Z');
const secondsOf = (offset: number) => String(now.getTime() / 1000 + offset);

function send(
  forge: 'generic' | 'gitlab',
  sent: { at: number; signedAt?: number; id?: string; key?: string },
) {
  const { at, signedAt = at, id = 'm-1', key = secret } = sent;
  const signature = signStandard(key, { id: 'm-1', timestamp: secondsOf(signedAt), body });
  const headers = {
    'webhook-id': id,
    'webhook-timestamp': secondsOf(at),
    'webhook-signature': `v1,${signature}`,
  };
  checkSignature(forge, { headers, body, now }, secret);
}

test('a signed time is taken within five minutes, either way, and is part of what is signed', () => {
  for (const forge of ['generic', 'gitlab'] as const) {
    for (const at of [-300, 0, 300]) send(forge, { at });
    for (const at of [-3600, -301, 301, 3600]) {
      assert.throws(() => send(forge, { at }), { code: 'webhook_stale' }, `${forge} ${at}`);
      // Who only writes another time over it, or another id, has no signature any more.
      assert.throws(() => send(forge, { at: 0, signedAt: at }), { code: 'webhook_refused' });
    }
    assert.throws(() => send(forge, { at: 0, id: 'm-2' }), { code: 'webhook_refused' });
    // Of the time only those hear who have the secret.
    const key = `whsec_${Buffer.from('another').toString('base64')}`;
    assert.throws(() => send(forge, { at: 3600, key }), { code: 'webhook_refused' });
  }
});

test('a generic delivery without a time is refused', () => {
  const signature = signStandard(secret, { id: 'm-1', timestamp: '', body });
  const headers = { 'webhook-id': 'm-1', 'webhook-signature': `v1,${signature}` };
  assert.throws(() => checkSignature('generic', { headers, body, now }, secret), { code: 'webhook_refused' });
});
