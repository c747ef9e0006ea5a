import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openFleet } from '../../src/fleet/fleet.ts';
import { ensureNetwork, removeNetwork } from '../../src/fleet/network.ts';
import { openEngine } from '../support/engine.ts';

const signal = AbortSignal.timeout(300_000);

test('when the pools of the engine are used up, networks get a subnet of ours', async (t) => {
  const engine = await openEngine(t, ['--default-address-pool', 'base=10.98.0.0/24,size=25']);
  const fleet = openFleet({
    readServers: () => ({ local: { name: 'local', kind: 'local', address: '127.0.0.1', roles: [] } }),
    findPin: () => null,
    readIdentity: () => assert.fail('the local engine needs no key'),
    dockerSocket: engine.socket,
    log: () => {},
  });
  t.after(() => fleet[Symbol.asyncDispose]());
  const connection = await fleet.connect('local', signal);
  const envs = ['one', 'two', 'three', 'four'];
  for (const env of [...envs, 'one']) await ensureNetwork(connection, { app: 'shop', env }, signal);
  const networks = await connection.docker.listNetworks({ filters: { label: ['hawser.app=shop'] } });
  const subnets = networks.map(({ IPAM }) => IPAM?.Config?.[0]?.Subnet).sort();
  assert.deepEqual(subnets, ['10.213.0.0/24', '10.213.1.0/24', '10.98.0.0/25', '10.98.0.128/25']);
  for (const env of envs) assert.equal(await removeNetwork(connection, { app: 'shop', env }, signal), true);
});
