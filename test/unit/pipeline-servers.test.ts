import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseAddresses } from '../../src/api/doctor/address.ts';
import { examineClock, isRecent } from '../../src/api/doctor/engine.ts';
import { formatUserData } from '../../src/api/user-data.ts';
import type { SshServer } from '../../src/model/server.ts';
import { findTwin } from '../../src/pipeline/converge/servers.ts';

const app1: SshServer = {
  name: 'app1',
  kind: 'ssh',
  user: 'deploy',
  host: 'one.example.com',
  port: 22,
  identity: '/key',
  hostKey: null,
  via: null,
  address: '10.0.0.1',
  roles: ['web'],
};
const app2 = { ...app1, name: 'app2', host: 'two.example.com', address: '10.0.0.2' };

test('two servers are one when they share a name, an endpoint or an address', () => {
  assert.equal(findTwin(app2, app1), null);
  assert.equal(findTwin({ ...app2, name: 'app1' }, app1), 'name');
  assert.equal(findTwin({ ...app2, host: 'ONE.example.com' }, app1), 'SSH endpoint one.example.com:22');
  assert.equal(findTwin({ ...app2, host: 'one.example.com', port: 2222 }, app1), null);
  assert.equal(findTwin({ ...app2, address: '10.0.0.1' }, app1), 'address 10.0.0.1');
  assert.equal(findTwin({ ...app2, name: 'web' }, app1), 'name, as a role');
  assert.equal(findTwin({ ...app2, roles: ['app1'] }, app1), 'name as the role app1');
});

test('behind a jump host the same endpoint may be another machine', () => {
  assert.equal(findTwin({ ...app2, host: 'one.example.com', via: 'jump' }, app1), null);
});

test('an engine is old enough from 20.10 on', () => {
  const versions = ['1.13.1', '19.03.15', '20.09.1', '20.10.24+dfsg1', '24.0.7', '', 'dev'];
  assert.deepEqual(versions.filter(isRecent), ['20.10.24+dfsg1', '24.0.7']);
});

test('the addresses of a machine are those of its cards, not of its bridges', () => {
  const text = `1: lo    inet 127.0.0.1/8 scope host lo
2: eth0    inet 10.0.0.4/24 brd 10.0.0.255 scope global eth0
2: eth0    inet6 fe80::1/64 scope link
5: docker0    inet 172.17.0.1/16 scope global docker0
6: br-1a2b    inet 172.18.0.1/16 scope global br-1a2b`;
  assert.deepEqual(parseAddresses(text), ['10.0.0.4', 'fe80::1']);
});

test('the example of cloud-init user data in the docs is what servers:invite prints', () => {
  const example = readFileSync(new URL('../../docs/cloud-init.yaml', import.meta.url), 'utf8');
  const made = formatUserData({
    url: 'https://hawser.example.com',
    token: 'TOKEN',
    publicKey: 'ssh-ed25519 KEY',
  });
  assert.equal(example, made);
});

test('a clock that is seconds away is told with the seconds', () => {
  assert.equal(examineClock('app1', -4_900).state, 'ok');
  assert.partialDeepStrictEqual(examineClock('app1', 3_601_000), {
    state: 'failed',
    detail: "3601.0 s away from this machine's",
  });
});
