import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fingerprintOf } from '../../src/fleet/host-key.ts';
import { makeKeyPair } from '../../src/fleet/ssh.ts';
import { parsePublicKey } from '../../src/receive/ssh/key.ts';
import { addKey } from '../../src/store/access/keys.ts';
import { fetchRef } from '../../src/webhooks/fetch.ts';
import { makeSource, mustRun } from '../support/receive-world.ts';
import { openSshWorld } from '../support/ssh-world.ts';

test('a repository is fetched over SSH with the key of the webhook, and only from the host that was met', async (t) => {
  const world = await openSshWorld(t);
  await world.makeKey('laptop', ['push']);
  const pair = makeKeyPair('hawser-shop');
  const { blob } = parsePublicKey(pair.public);
  const holder = { name: 'hawser-shop', appId: null, rights: ['read' as const], days: null, actor: 'test' };
  await addKey(world.api.db, { ...holder, blob, fingerprint: fingerprintOf(blob) });
  const source = await makeSource(world.folder, 'source', world.remote());
  const pushed = await world.git('laptop', source, 'push', 'deploy', 'main');
  assert.equal(pushed.code, 0, pushed.output);
  const head = await mustRun(source, 'rev-parse', 'HEAD');
  const beside = join(world.folder, 'beside.git');
  await mustRun(world.folder, 'init', '-q', '--bare', beside);
  const knownHosts = join(world.folder, 'known_forges');
  const folder = join(world.folder, 'fetched');
  const fetch = (privateKey: string | null, ref = 'refs/heads/main') =>
    fetchRef(
      { url: world.remote(), ref, beside, token: null, privateKey },
      {
        ...{ folder, knownHosts, maxBytes: 1e9, timeoutMs: 30_000 },
        rules: { allow: ['127.0.0.0/8'], ownNames: [] },
        signal: new AbortController().signal,
      },
    );
  const key = pair.private;
  {
    await using fetched = await fetch(key);
    assert.equal(fetched.commit, head);
    assert.ok(existsSync(fetched.path));
  }
  assert.deepEqual(readdirSync(folder), []);
  const isNotFetched = { code: 'repository_not_fetched' };
  await assert.rejects(fetch(makeKeyPair('stranger').private), isNotFetched);
  await assert.rejects(fetch(null), isNotFetched);
  await assert.rejects(fetch(key, 'refs/heads/nothing'), isNotFetched);
  const other = makeKeyPair('another host').public.split(' ').slice(0, 2).join(' ');
  writeFileSync(knownHosts, readFileSync(knownHosts, 'utf8').replace(/ssh-ed25519 \S+/, other));
  await assert.rejects(fetch(key), isNotFetched);
  assert.deepEqual(readdirSync(folder), []);
});
