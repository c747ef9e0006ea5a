import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { askEdge } from '../../src/route/edge.ts';
import { planShares } from '../../src/route/shares.ts';
import type { Backend } from '../../src/route/table.ts';
import { eventually } from '../support/eventually.ts';
import { fetchOnce, fetchWhole, openTunnel, startLoad } from './load-balancer-parts.ts';
import { minute, openSuite, type Start, serviceOf, tableOf } from './load-balancer-suite.ts';

const host = 'app0.localhost';

/** What clients see of sticky services, pages, held requests and weights. */
export function testClients(name: string, start: Start): void {
  const { suite, backend } = openSuite(name, start);

  /** A client that keeps its cookie, as a browser does. */
  const openClient = (port: number) => {
    let cookie = '';
    return async () => {
      const answer = await fetchWhole(port, host, cookie === '' ? {} : { headers: { cookie } });
      const given = answer.headers['set-cookie']?.[0]?.split(';', 1)[0];
      cookie = given ?? cookie;
      assert.equal(answer.status, 200);
      return { by: answer.text.split(' ', 1)[0], isNew: given !== undefined };
    };
  };

  suite('sticky clients come back to their backend until it is retired', async (t, subject, lb) => {
    const { port } = subject;
    const [one, two, three] = [await backend(t, 'one'), await backend(t, 'two'), await backend(t, 'three')];
    const apply = (...backends: Backend[]) =>
      lb.apply(tableOf(serviceOf(0, backends, { sticky: true })), minute());
    await apply(one.backend, two.backend);
    const clients = Array.from({ length: 30 }, () => openClient(port));
    const homes = await Promise.all(clients.map((ask) => ask()));
    assert.deepEqual([...new Set(homes.map(({ by }) => by))].sort(), ['one', 'two']);
    const assertHome = async () => {
      const again = await Promise.all(clients.map((ask) => ask()));
      assert.deepEqual(
        again,
        homes.map(({ by }) => ({ by, isNew: false })),
      );
    };
    for (let turn = 0; turn < 5; turn += 1) await assertHome();
    await subject.killAndRestart();
    await eventually(async () => (await lb.isReady()) && (await fetchOnce(port, host)).status === 200);
    await assertHome();
    await apply(one.backend, two.backend, three.backend);
    await assertHome();
    await apply(two.backend, three.backend);
    const moved = await Promise.all(clients.map((ask) => ask()));
    for (const [at, { by, isNew }] of moved.entries()) {
      assert.equal(isNew, homes[at]?.by === 'one', 'who was elsewhere stays there');
      assert.notEqual(by, 'one');
    }
    assert.ok(moved.some(({ by }) => by === 'three'));
    const settled = await Promise.all(clients.map((ask) => ask()));
    assert.deepEqual(
      settled.map(({ by }) => by),
      moved.map(({ by }) => by),
    );
  });

  suite('a service becomes sticky, and stops to be, without a failed request', async (t, { port }, lb) => {
    const one = await backend(t, 'one');
    const load = startLoad(t, port, host, 200);
    for (let turn = 0; turn < 6; turn += 1) {
      await lb.apply(tableOf(serviceOf(0, [one.backend], { sticky: turn % 2 === 1 })), minute());
      const { headers } = await fetchWhole(port, host);
      assert.equal(headers['set-cookie'] !== undefined, turn % 2 === 1);
    }
    const { sent, failures } = await load.stop();
    // Before the first table there was nothing to be served by.
    assert.deepEqual(
      failures.filter((failure) => !failure.startsWith('404')),
      [],
    );
    t.diagnostic(`${sent} requests`);
  });

  suite('maintenance shows its page at once and leaves the backends alone', async (t, subject, lb) => {
    const { port } = subject;
    const one = await backend(t, 'one');
    const apply = (maintenance: string | null) =>
      lb.apply(tableOf(serviceOf(0, [one.backend], { maintenance })), minute());
    await apply(null);
    const tunnel = await openTunnel(port, host);
    const text = `Back at <b>12:00</b> & "not" before; it's 100% sure. Grüße %[src] \${x} ${'x'.repeat(800)}`;
    const begin = performance.now();
    await apply(text.replace('sure. ', 'sure.\r\n\0'));
    t.diagnostic(`shown after ${Math.round(performance.now() - begin)} ms`);
    const browser = { headers: { accept: 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.8' } };
    const page = await fetchWhole(port, host, browser);
    assert.equal(page.status, 503);
    assert.match(page.headers['content-type'] ?? '', /^text\/html/);
    assert.equal(page.headers['retry-after'], '30');
    const shown =
      'Back at &lt;b&gt;12:00&lt;/b&gt; &amp; &quot;not&quot; before; it&#39;s 100% sure. Grüße %[src]';
    assert.ok(page.text.includes(shown), page.text);
    assert.doesNotMatch(page.text, /<b>/);
    const plain = await fetchWhole(port, host, { method: 'POST', body: 'x'.repeat(100_000) });
    assert.equal(plain.status, 503);
    assert.match(plain.headers['content-type'] ?? '', /^text\/plain/);
    assert.ok(plain.text.includes(text), plain.text);
    assert.equal(await tunnel.echo('still here'), 'still here');
    assert.equal((await lb.traffic(0))[0]?.up, true);
    await subject.killAndRestart();
    await eventually(() => lb.isReady());
    assert.ok((await fetchOnce(port, host)).text.includes(text), 'a kill does not open it');
    await apply('');
    assert.match((await fetchOnce(port, host, browser)).text, /being worked on/);
    await apply(null);
    assert.deepEqual(await fetchOnce(port, host, browser), { status: 200, text: 'one GET 0' });
    await lb.apply(tableOf(serviceOf(0, [], { maintenance: 'Soon.' })), minute());
    assert.match((await fetchOnce(port, host)).text, /Soon\./);
  });

  suite('requests are held while the old is stopped before the new is started', async (t, { port }, lb) => {
    const old = await backend(t, 'old');
    await lb.apply(tableOf(serviceOf(0, [old.backend])), minute());
    const load = startLoad(t, port, host, 100);
    await pause(300);
    await lb.apply(tableOf(serviceOf(0, [], { holding: true })), minute());
    assert.deepEqual(await lb.drain(0, ['old'], { deadlineMs: 30_000, signal: minute() }), { ended: 0 });
    await old.stop();
    let isAnswered = false;
    const upload = fetchOnce(port, host, { method: 'POST', body: 'x'.repeat(3_000_000) });
    const held = fetchOnce(port, host).then((answer) => {
      isAnswered = true;
      return answer;
    });
    const tunnel = openTunnel(port, host);
    await pause(2_500);
    assert.equal(isAnswered, false);
    const fresh = await backend(t, 'fresh');
    await lb.apply(tableOf(serviceOf(0, [fresh.backend], { holding: true })), minute());
    const begin = performance.now();
    assert.deepEqual(await held, { status: 200, text: 'fresh GET 0' });
    const waited = performance.now() - begin;
    assert.deepEqual(await upload, { status: 200, text: 'fresh POST 3000000' });
    assert.equal(await (await tunnel).echo('hello'), 'hello');
    await lb.apply(tableOf(serviceOf(0, [fresh.backend])), minute());
    const { sent, failures } = await load.stop();
    assert.deepEqual(failures, []);
    t.diagnostic(`${sent} requests, 0 failed; the first held one ${Math.round(waited)} ms after the switch`);
  });

  suite('one of four backends gets a tenth of the requests when its weight says so', async (t, subject, lb) => {
    const old = [await backend(t, 'old-1'), await backend(t, 'old-2'), await backend(t, 'old-3')];
    const fresh = await backend(t, 'fresh');
    const shares = planShares(10, 1, 3);
    const backends = [
      ...old.map((each) => ({ ...each.backend, weight: shares.old })),
      { ...fresh.backend, weight: shares.fresh },
    ];
    await lb.apply(tableOf(serviceOf(0, backends)), minute());
    const answers: string[] = [];
    const visit = async () => {
      for (let count = 0; count < 200; count += 1)
        answers.push((await fetchOnce(subject.port, host)).text.split(' ', 1)[0] ?? '');
    };
    await Promise.all(Array.from({ length: 10 }, visit));
    const share = (100 * answers.filter((by) => by === 'fresh').length) / answers.length;
    t.diagnostic(`${share.toFixed(1)}% of ${answers.length}`);
    assert.ok(share > 7 && share < 13, `${share}%`);
    const counted = (await lb.traffic(0)).map(({ name: by, requests }) => [by, requests]);
    const seen = [...Map.groupBy(answers, (by) => by)].map(([by, all]) => [by, all.length]);
    assert.deepEqual(counted.sort(), seen.sort());
  });

  suite('failed requests are counted of the backend that failed them', async (t, { port }, lb) => {
    const one = await backend(t, 'web.1');
    const two = await backend(t, 'web.2');
    const [first, second] = [serviceOf(0, [one.backend]), serviceOf(1, [two.backend])];
    await lb.apply(tableOf(first, second), minute());
    for (let count = 0; count < 20; count += 1) await fetchOnce(port, host);
    for (let count = 0; count < 6; count += 1) await fetchOnce(port, host, { path: '/broken' });
    for (let count = 0; count < 4; count += 1) {
      const { status } = await fetchOnce(port, host, { path: '/reset', method: 'POST', body: 'x' });
      assert.equal(status, 502);
    }
    await fetchOnce(port, 'app1.localhost', { path: '/slow' });
    const [bad] = await lb.traffic(0);
    const counted = { name: bad?.name, requests: bad?.requests, errors5xx: bad?.errors5xx };
    assert.deepEqual(counted, { name: 'web.1', requests: 30, errors5xx: 10 });
    const [slow] = await lb.traffic(1);
    assert.equal(slow?.errors5xx, 0);
    assert.ok((slow?.latencyMs ?? 0) >= 990, `${slow?.latencyMs} ms`);
  });

  suite('one page of one domain is asked for as a client would', async (t, { port }, lb) => {
    const one = await backend(t, 'one');
    await lb.apply(tableOf(serviceOf(0, [one.backend])), minute());
    const listen = { host: '0.0.0.0', port };
    const ask = (path: string, deadlineMs: number, signal = minute()) =>
      askEdge({ listen, domain: host, path, deadlineMs, signal });
    assert.deepEqual(await ask('/', 30_000), { status: 200, firstBytes: 'one GET 0' });
    assert.deepEqual(await ask('/broken', 30_000), { status: 500, firstBytes: 'one GET 0' });
    await assert.rejects(ask('/slow', 200), {
      code: 'domain_silent',
      message: 'app0.localhost/slow gave no answer within 0.2 s.',
    });
    await assert.rejects(ask('/slow', 30_000, AbortSignal.timeout(100)), { name: 'TimeoutError' });
    const nobody = askEdge({
      listen: { host: '127.0.0.1', port: 1 },
      domain: host,
      path: '/',
      deadlineMs: 30_000,
      signal: minute(),
    });
    await assert.rejects(nobody, { code: 'domain_silent', message: /ECONNREFUSED/ });
  });
}
