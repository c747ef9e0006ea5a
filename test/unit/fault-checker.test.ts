import assert from 'node:assert/strict';
import { test } from 'node:test';
import { invariants } from '../support/checker-invariants.ts';
import type { Seen, SeenServer } from '../support/checker-look.ts';

// Who checks the checker: a world in which all is well, and one planted violation after the other.

function makeServer(name: string, index: number, change: object = {}): SeenServer {
  const container = {
    id: name,
    name: `shop-production-v2-web-${index}`,
    image: '',
    state: 'running',
    ports: '',
    labels: { 'hawser.release': '2' },
    restart: 'always',
    ...change,
  };
  return { name, containers: [container], networks: ['shop/production'] };
}

const names = ['shop-production-v2-web-1', 'shop-production-v2-web-2'];
const deploy = { kind: 'push', state: 'live', failure: null, ended: true, mine: true };
const well: Seen = {
  app: 'shop',
  env: 'production',
  branch: 'refs/heads/main',
  containers: 2,
  pushes: [
    { commit: 'c1', code: 0, output: 'remote: -----> one        \nremote:        two\nTo http://…' },
    { commit: 'c2', code: 0 },
    { commit: 'c3', code: 1, broken: true },
  ],
  deploys: [
    { ...deploy, id: 1, commit: 'c1' },
    { ...deploy, id: 2, commit: 'c2' },
    { ...deploy, id: 3, commit: 'c3', state: 'failed', failure: 'not_healthy: it ended' },
  ],
  release: { version: 2, commit: 'c2', live: true },
  routed: names,
  known: names,
  servers: [makeServer('app1', 1), makeServer('app2', 2)],
  built: [],
  refs: new Map([
    ['refs/heads/main', 'c2'],
    ...[1, 2, 3].map((id) => [`refs/hawser/deploys/${id}`, `c${id}`] as const),
  ]),
  leftovers: [],
  admitted: names.toReversed(),
  answers: [{ status: 200, body: 'body of c2\n' }],
  bodyOf: (commit) => `body of ${commit}`,
  journals: new Map([[1, '-----> one\n       two\n       after the end\n']]),
  leaks: [],
  failedRequests: [],
};

const without = (ref: string) => new Map([...well.refs].filter(([name]) => name !== ref));
const changed = (id: number, change: object) =>
  well.deploys.map((one) => (one.id === id ? { ...one, ...change } : one));

const violations: readonly (readonly [string, string, Partial<Seen>])[] = [
  ['I1', 'a push that exited 0 has no deploy', { deploys: well.deploys.filter(({ id }) => id !== 1) }],
  ['I1', 'a commit is not kept', { refs: without('refs/hawser/deploys/1') }],
  ['I2', 'a branch is where nothing was live', { refs: new Map([...well.refs, ['refs/heads/x', 'c3']]) }],
  ['I2', 'a lock file is left', { leftovers: ['refs/heads/main.lock'] }],
  ['I3', 'an orphan container', { servers: [...well.servers, makeServer('app3', 3)] }],
  ['I3', 'a container is gone', { servers: well.servers.slice(1) }],
  [
    'I3',
    'a container has ended',
    { servers: [makeServer('app1', 1, { state: 'exited' }), makeServer('app2', 2)] },
  ],
  [
    'I3',
    'two releases run',
    { servers: [makeServer('app1', 1, { labels: { 'hawser.release': '1' } }), makeServer('app2', 2)] },
  ],
  ['I3', 'an old one is routed', { routed: [...names, 'shop-production-v1-web-1'] }],
  ['I3', 'an old one is known', { known: [...names, 'shop-production-v1-web-1'] }],
  ['I3', 'a builder kept a container', { built: ['check'] }],
  ['I4', 'a request failed', { failedRequests: ['status 503'] }],
  ['I5', 'the current one never went live', { release: { version: 2, commit: 'c2', live: false } }],
  ['I5', 'a broken one answers', { answers: [{ status: 200, body: 'body of c3' }] }],
  ['I6', 'the branch is elsewhere', { refs: new Map([...well.refs, ['refs/heads/main', 'c1']]) }],
  ['I6', 'an older release is current', { release: { version: 1, commit: 'c1', live: true } }],
  [
    'I7',
    'a command ran twice',
    { journals: new Map([[2, [1, 2].map((n) => `migrated by ${`${n}`.repeat(36)}\n`).join('')]]) },
  ],
  ['I8', 'a deploy has not ended', { deploys: changed(3, { ended: false, state: 'rolling_out' }) }],
  ['I8', 'a deploy failed without a reason', { deploys: changed(3, { failure: null }) }],
  ['I8', 'exit 0 and not live', { deploys: changed(1, { state: 'failed', failure: 'x: y' }) }],
  ['I8', 'the load balancer serves one server only', { admitted: names.slice(1) }],
  ['I8', 'the load balancer serves two releases', { admitted: [...names, 'shop-production-v1-web-1'] }],
  ['I8', 'an error is answered', { answers: [{ status: 503, body: '' }] }],
  ['I8', 'an old release answers', { answers: [{ status: 200, body: 'body of c1' }] }],
  ['I9', 'a line is missing', { journals: new Map([[1, '-----> one\n       left out\n       two\n']]) }],
  ['I10', 'a secret is in a file', { leaks: ['logs/server.log'] }],
  [
    'I11',
    'a container stays down',
    { servers: [makeServer('app1', 1, { restart: 'no' }), makeServer('app2', 2)] },
  ],
  ['I12', 'journals pile up', { journals: new Map([1, 2, 3, 4].map((id) => [id, ''])) }],
  [
    'I12',
    'kept refs pile up',
    { refs: new Map([...well.refs, ...[7, 8].map((id) => [`refs/hawser/deploys/${id}`, 'c1'] as const)]) },
  ],
];

test('the checker is content with a world in which all is well', () => {
  for (const check of Object.values(invariants)) check(well);
});

for (const [id, what, change] of violations) {
  test(`${id} catches: ${what}`, () => {
    assert.throws(
      () => invariants[id]?.({ ...well, ...change }),
      (error: Error) => error.message.includes(`${id}: `),
    );
  });
}

test('every invariant has a violation that it catches', () => {
  assert.deepEqual(Object.keys(invariants), [...new Set(violations.map(([id]) => id))]);
});
