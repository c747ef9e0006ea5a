import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { LoadBalancer } from '../../src/route/load-balancer.ts';
import type { Service, Table } from '../../src/route/table.ts';
import { eventually } from '../support/eventually.ts';
import { fetchOnce, openTunnel, startBackend, startLoad } from './load-balancer-parts.ts';

/** One load balancer that runs, as a driver's file starts it. */
export type Subject = {
  readonly port: number;
  /** Another driver of the same load balancer each time, as another process would have. */
  open(): LoadBalancer;
  /** SIGKILL, then starts it again as the supervisor would; resolves when the start was made. */
  killAndRestart(): Promise<void>;
  /** What is held now, for comparison. */
  snapshot(): Promise<unknown>;
};

export const minute = () => AbortSignal.timeout(60_000);

export function serviceOf(slot: number, backends: Service['backends'], more: Partial<Service> = {}): Service {
  const usual = { sticky: false, maintenance: null, holding: false };
  const domains = [`app${slot}.localhost`];
  return { slot, app: `app${slot}`, env: 'production', domains, backends, ...usual, ...more };
}

export function tableOf(...services: Service[]): Table {
  return { services };
}

export type Start = (t: TestContext) => Promise<Subject>;

/** Tests of one load balancer, each with one of its own. */
export function openSuite(name: string, start: Start) {
  const suite = (
    title: string,
    body: (t: TestContext, subject: Subject, lb: LoadBalancer) => Promise<void>,
  ) =>
    test(`${name}: ${title}`, { timeout: 180_000 }, async (t) => {
      const subject = await start(t);
      const lb = subject.open();
      t.after(() => lb[Symbol.asyncDispose]());
      await body(t, subject, lb);
    });
  const backend = async (t: TestContext, title: string) => {
    const started = await startBackend(title);
    t.after(() => started.stop());
    return started;
  };
  return { suite, backend };
}

/** What every load balancer must do. */
export function testLoadBalancer(name: string, start: Start): void {
  const { suite, backend } = openSuite(name, start);
  suite('a domain is answered by its backend as soon as apply returns', async (t, { port }, lb) => {
    const one = await backend(t, 'one');
    await lb.apply(
      tableOf(serviceOf(0, [one.backend], { domains: ['shop.localhost', '*.shop.localhost'] })),
      minute(),
    );
    for (const host of ['shop.localhost', 'SHOP.localhost:8080', 'shop.localhost.', 'a.shop.localhost']) {
      assert.deepEqual(await fetchOnce(port, host), { status: 200, text: 'one GET 0' });
    }
    const [traffic] = await lb.traffic(0);
    assert.deepEqual(
      { name: traffic?.name, requests: traffic?.requests, up: traffic?.up },
      { name: 'one', requests: 4, up: true },
    );
  });

  suite('a client cannot say where it comes from', async (t, { port }, lb) => {
    const one = await backend(t, 'one');
    await lb.apply(tableOf(serviceOf(0, [one.backend])), minute());
    const lies = {
      'x-forwarded-for': '6.6.6.6',
      'x-forwarded-proto': 'https',
      'x-real-ip': '6.6.6.6',
      forwarded: 'for=6.6.6.6',
      x_forwarded_for: '6.6.6.6',
    };
    await fetchOnce(port, 'app0.localhost', { path: '/headers', headers: lies });
    const seen = one.headers[0] ?? {};
    assert.equal(seen['x-forwarded-for'], '127.0.0.1');
    assert.equal(seen['x-forwarded-proto'], 'http');
    assert.equal(seen['x-forwarded-host'], 'app0.localhost');
    assert.doesNotMatch(JSON.stringify(seen), /6\.6\.6\.6/);
  });

  suite('twenty swaps under load fail no request', async (t, { port }, lb) => {
    const first = await backend(t, 'swap-0');
    await lb.apply(tableOf(serviceOf(0, [first.backend])), minute());
    const load = startLoad(t, port, 'app0.localhost', 300);
    let old = first;
    for (let swap = 1; swap <= 20; swap += 1) {
      const fresh = await backend(t, `swap-${swap}`);
      await lb.apply(tableOf(serviceOf(0, [fresh.backend])), minute());
      const { ended } = await lb.drain(0, [old.backend.name], { deadlineMs: 30_000, signal: minute() });
      assert.equal(ended, 0);
      await old.stop();
      old = fresh;
    }
    const { sent, failures } = await load.stop();
    assert.deepEqual(failures, []);
    assert.ok(sent > 500, `${sent} requests`);
    t.diagnostic(`${sent} requests, 0 failed`);
    assert.equal((await fetchOnce(port, 'app0.localhost')).text, 'swap-20 GET 0');
  });

  suite('the old backend serves while the new one does not come up', async (t, { port }, lb) => {
    const old = await backend(t, 'old');
    const dead = { ...old.backend, name: 'dead', address: '127.0.0.1:1' };
    const other = await backend(t, 'other');
    await lb.apply(tableOf(serviceOf(0, [old.backend])), minute());
    const table = tableOf(serviceOf(0, [dead]), serviceOf(1, [other.backend]));
    await assert.rejects(lb.apply(table, AbortSignal.timeout(4_000)));
    await lb.apply(table, minute(), 1);
    await assert.rejects(lb.apply(table, AbortSignal.timeout(500), 0));
    assert.equal((await fetchOnce(port, 'app0.localhost')).text, 'old GET 0');
    assert.equal((await fetchOnce(port, 'app1.localhost')).text, 'other GET 0');
    await lb.apply(tableOf(serviceOf(0, [old.backend])), minute());
    assert.equal((await fetchOnce(port, 'app0.localhost')).text, 'old GET 0');
  });

  suite('drain waits for a slow request', async (t, { port }, lb) => {
    const old = await backend(t, 'old');
    const fresh = await backend(t, 'fresh');
    await lb.apply(tableOf(serviceOf(0, [old.backend])), minute());
    const slow = fetchOnce(port, 'app0.localhost', { path: '/slow' });
    await eventually(async () => (await lb.traffic(0)).some((each) => each.sessions === 1));
    await lb.apply(tableOf(serviceOf(0, [fresh.backend])), minute());
    let isAnswered = false;
    void slow.then(() => {
      isAnswered = true;
    });
    assert.deepEqual(await lb.drain(0, ['old'], { deadlineMs: 30_000, signal: minute() }), { ended: 0 });
    assert.ok(isAnswered || (await slow).status === 200);
    assert.deepEqual(await slow, { status: 200, text: 'old GET 0' });
  });

  suite('a websocket passes, and is ended at the drain limit', async (t, { port }, lb) => {
    const old = await backend(t, 'old');
    const fresh = await backend(t, 'fresh');
    await lb.apply(tableOf(serviceOf(0, [old.backend])), minute());
    const tunnel = await openTunnel(port, 'app0.localhost');
    assert.equal(await tunnel.echo('hello'), 'hello');
    await lb.apply(tableOf(serviceOf(0, [fresh.backend])), minute());
    assert.equal(await tunnel.echo('still here'), 'still here');
    assert.deepEqual(await lb.drain(0, ['old'], { deadlineMs: 300, signal: minute() }), { ended: 1 });
    await tunnel.closed;
  });

  suite('a backend that is routed is not drained', async (t, _subject, lb) => {
    const one = await backend(t, 'one');
    await lb.apply(tableOf(serviceOf(0, [one.backend])), minute());
    await assert.rejects(lb.drain(0, ['one'], { deadlineMs: 100, signal: minute() }), {
      code: 'backend_still_routed',
    });
  });

  suite('killed, it comes back with the last table', async (t, subject, lb) => {
    const one = await backend(t, 'one');
    const two = await backend(t, 'two');
    await lb.apply(tableOf(serviceOf(0, [one.backend])), minute());
    await lb.apply(tableOf(serviceOf(0, [two.backend]), serviceOf(1, [])), minute());
    const begin = performance.now();
    await subject.killAndRestart();
    const answer = await eventually(() => fetchOnce(subject.port, 'app0.localhost'), { intervalMs: 10 });
    const took = performance.now() - begin;
    assert.deepEqual(answer, { status: 200, text: 'two GET 0' });
    t.diagnostic(`back after ${Math.round(took)} ms`);
    assert.equal((await fetchOnce(subject.port, 'app1.localhost')).status, 503);
    await lb.apply(tableOf(serviceOf(0, [one.backend])), minute());
    assert.equal((await fetchOnce(subject.port, 'app0.localhost')).text, 'one GET 0');
    assert.deepEqual(await lb.drain(0, ['two'], { deadlineMs: 30_000, signal: minute() }), { ended: 0 });
  });

  suite('killed while a table is applied, the apply goes through', async (t, subject, lb) => {
    const one = await backend(t, 'one');
    const two = await backend(t, 'two');
    await lb.apply(tableOf(serviceOf(0, [one.backend])), minute());
    const apply = lb.apply(tableOf(serviceOf(0, [two.backend])), minute());
    await subject.killAndRestart();
    await apply;
    assert.equal((await fetchOnce(subject.port, 'app0.localhost')).text, 'two GET 0');
  });

  suite('an unknown domain and an app without a release get a page that says so', async (_t, {
    port,
  }, lb) => {
    await lb.apply(tableOf(serviceOf(0, [])), minute());
    const unknown = await fetchOnce(port, 'nobody.localhost');
    assert.equal(unknown.status, 404);
    assert.match(unknown.text, /no app is routed.*nobody\.localhost\s+hawser apps/);
    const hostile = await fetchOnce(port, '<script>%[src]"');
    assert.equal(hostile.status, 404);
    assert.doesNotMatch(hostile.text, /script|src/);
    const empty = await fetchOnce(port, 'app0.localhost');
    assert.equal(empty.status, 503);
    assert.match(empty.text, /no running release/);
  });

  suite('a hostile table is refused and changes nothing', async (t, { port, snapshot }, lb) => {
    const one = await backend(t, 'one');
    await lb.apply(tableOf(serviceOf(0, [one.backend])), minute());
    const before = await snapshot();
    const hostile: Partial<Service>[] = [
      { domains: ['a.localhost\nbackend evil'] },
      { domains: ['a.localhost }'] },
      { domains: ['a.localhost;shutdown frontend web'] },
      { domains: ['A.localhost'] },
      { backends: [{ ...one.backend, name: 'x y' }] },
      { backends: [{ ...one.backend, address: '127.0.0.1:80 check' }] },
      { backends: [{ ...one.backend, address: 'evil.example:80' }] },
      { backends: [{ ...one.backend, weight: 257 }] },
      { backends: [one.backend, one.backend] },
      { maintenance: 'x'.repeat(1_001) },
      { slot: -1 },
    ];
    for (const each of hostile) {
      await assert.rejects(lb.apply(tableOf(serviceOf(0, [one.backend], each)), minute()), {
        code: 'table_invalid',
      });
    }
    assert.deepEqual(await snapshot(), before);
    assert.equal((await fetchOnce(port, 'app0.localhost')).status, 200);
  });

  suite('a backend that dies is taken out, and comes back by itself', async (t, { port }, lb) => {
    const one = await backend(t, 'one');
    const two = await backend(t, 'two');
    await lb.apply(tableOf(serviceOf(0, [one.backend, two.backend])), minute());
    const load = startLoad(t, port, 'app0.localhost', 50);
    await one.stop();
    await eventually(async () => (await lb.traffic(0)).find((each) => each.name === 'one')?.up === false);
    assert.equal((await lb.traffic(0)).find((each) => each.name === 'two')?.up, true);
    assert.deepEqual([...(await lb.listDown()).keys()], ['one']);
    const { failures } = await load.stop();
    assert.deepEqual(
      failures.filter((failure) => !/socket hang up|ECONNRESET|502/.test(failure)),
      [],
    );
    assert.ok(failures.length <= 2, failures.join('\n'));
    for (let count = 0; count < 10; count += 1)
      assert.equal((await fetchOnce(port, 'app0.localhost')).text, 'two GET 0');
    // A dead backend of the table that is known already holds nobody up.
    await lb.apply(tableOf(serviceOf(0, [one.backend, two.backend]), serviceOf(1, [two.backend])), minute());
  });

  suite('requests wait while nothing is up', async (t, { port }, lb) => {
    const one = await backend(t, 'one');
    await lb.apply(tableOf(serviceOf(0, [one.backend])), minute());
    await one.stop();
    await eventually(async () => (await lb.traffic(0))[0]?.up === false);
    const waiting = fetchOnce(port, 'app0.localhost');
    const fresh = await backend(t, 'fresh');
    await lb.apply(tableOf(serviceOf(0, [fresh.backend])), minute());
    assert.deepEqual(await waiting, { status: 200, text: 'fresh GET 0' });
  });

  suite('growing over the sections declared ahead drops nothing', async (t, { port }, lb) => {
    const one = await backend(t, 'one');
    const far = await backend(t, 'far');
    await lb.apply(tableOf(serviceOf(0, [one.backend])), minute());
    const tunnel = await openTunnel(port, 'app0.localhost');
    const load = startLoad(t, port, 'app0.localhost', 300);
    await lb.apply(tableOf(serviceOf(0, [one.backend]), serviceOf(130, [far.backend])), minute());
    assert.equal((await fetchOnce(port, 'app130.localhost')).text, 'far GET 0');
    assert.equal(await tunnel.echo('still here'), 'still here');
    // The old worker counts, too; what is asked meanwhile comes and goes.
    await eventually(async () => (await lb.traffic(0))[0]?.sessions === 1);
    // Connections that stayed with the process before must find what comes after, too.
    const two = await backend(t, 'two');
    await lb.apply(tableOf(serviceOf(0, [two.backend]), serviceOf(130, [far.backend])), minute());
    const { ended } = await lb.drain(0, ['one'], { deadlineMs: 1_000, signal: minute() });
    assert.equal(ended, 1);
    await tunnel.closed;
    await one.stop();
    assert.equal((await fetchOnce(port, 'app0.localhost')).text, 'two GET 0');
    const { sent, failures } = await load.stop();
    assert.deepEqual(failures, []);
    t.diagnostic(`${sent} requests, 0 failed`);
  });

  suite('a table applied twice changes nothing, and two drivers see the same', async (t, {
    port,
    open,
    snapshot,
  }, lb) => {
    const one = await backend(t, 'one');
    const table = tableOf(
      serviceOf(0, [one.backend]),
      serviceOf(3, [one.backend], { sticky: true }),
      serviceOf(4, [one.backend], { maintenance: 'Back at noon.' }),
      serviceOf(5, []),
    );
    await lb.apply(table, minute());
    const before = await snapshot();
    const other = open();
    t.after(() => other[Symbol.asyncDispose]());
    await other.apply(table, minute());
    assert.deepEqual(await snapshot(), before);
    await other.apply(tableOf(), minute());
    assert.equal((await fetchOnce(port, 'app0.localhost')).status, 404);
    assert.deepEqual(
      (await lb.traffic(0)).filter((each) => each.up),
      [],
    );
    assert.equal(await lb.isReady(), true);
  });

  suite('a rolled back release gets its old backend back', async (t, { port }, lb) => {
    const one = await backend(t, 'one');
    const two = await backend(t, 'two');
    await lb.apply(tableOf(serviceOf(0, [one.backend])), minute());
    const load = startLoad(t, port, 'app0.localhost', 100);
    for (let turn = 0; turn < 5; turn += 1) {
      await lb.apply(tableOf(serviceOf(0, [two.backend])), minute());
      await lb.apply(tableOf(serviceOf(0, [one.backend])), minute());
    }
    assert.deepEqual((await load.stop()).failures, []);
    assert.equal((await fetchOnce(port, 'app0.localhost')).text, 'one GET 0');
  });
}
