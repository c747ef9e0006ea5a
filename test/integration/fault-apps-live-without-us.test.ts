import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { checkAll } from '../support/checker.ts';
import { docker } from '../support/docker.ts';
import { eventually } from '../support/eventually.ts';
import { startLoad } from '../support/fault-load.ts';
import { type FaultWorld, openFaultWorld } from '../support/fault-world.ts';
import { isGone } from '../support/process-state.ts';

// The supervisor first, or it would start the others again.
const all = ['up', 'server', 'worker-build', 'worker-rollout', 'redis', 'registry'];

let world: FaultWorld;
before(async () => {
  world = await openFaultWorld(`alone${process.pid}`);
  const first = await world.push();
  assert.equal(await first.done, 0, first.output());
});
after(() => world?.close());

test('with everything dead but the load balancer, apps serve and restart', {
  timeout: 300_000,
}, async (t) => {
  const { hawser, fleet } = world;
  const load = startLoad({ ...hawser.edge, domain: world.domain });
  t.after(() => load.stop());
  const pids = await Promise.all(all.map((part) => hawser.pidOf(part)));
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  await eventually(() => pids.every(isGone));
  const [server] = fleet.servers;
  assert.ok(server);
  const id = await docker(server, 'ps', '-q', '--filter', `label=hawser.app=${world.app}`);
  const pid = Number(await docker(server, 'inspect', '--format', '{{.State.Pid}}', id));
  // Its process ids are those of the server, not of this machine.
  await server.run('kill', ['-KILL', String(pid)]);
  await eventually(async () => {
    const now = Number(await docker(server, 'inspect', '--format', '{{.State.Pid}}', id));
    return now > 0 && now !== pid;
  });
  const before = load.sent();
  await eventually(() => load.sent() > before + 100);
  await load.stop();
  // What was in flight in the app that was killed is lost with it.
  assert.ok(load.failed().length <= 5, JSON.stringify(load.failed()));
  await hawser.start();
  await checkAll(world.checked());
  t.diagnostic(`${load.failed().length} of ${load.sent()} requests failed`);
});

test('a server whose power fails comes back with its containers', { timeout: 300_000 }, async (t) => {
  const { fleet, hawser } = world;
  const [server] = fleet.servers;
  assert.ok(server);
  const load = startLoad({ ...hawser.edge, domain: world.domain });
  t.after(() => load.stop());
  await server.powerOff();
  const begin = performance.now();
  await eventually(async () => (await hawser.fetch(world.domain)).status === 200);
  await eventually(() => load.sent() > 250);
  await server.powerOn();
  await checkAll(world.checked());
  await load.stop();
  // Those under way to it when the power failed, until the load balancer's checks have seen it.
  const late = load.failed().filter(({ at }) => at - begin > 6_000);
  assert.deepEqual(late, [], `${load.failed().length} of ${load.sent()} requests failed`);
  t.diagnostic(
    `content ${Math.round(performance.now() - begin)} ms after the power went; ${load.failed().length} of ${load.sent()} requests failed`,
  );
});

test('a push while a server is away is refused by name, and goes live when it is back', {
  timeout: 300_000,
}, async () => {
  const { fleet } = world;
  const [, server] = fleet.servers;
  assert.ok(server);
  await server.powerOff();
  const refused = await world.push();
  assert.notEqual(await refused.done, 0);
  assert.match(refused.output(), /server_unreachable/);
  await server.powerOn();
  const again = world.pushAgain(refused.commit);
  assert.equal(await again.done, 0, again.output());
  await checkAll(world.checked());
});
