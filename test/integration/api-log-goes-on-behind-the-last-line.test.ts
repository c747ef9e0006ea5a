import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Client, openClient } from '../../src/cli/client.ts';
import type { StreamEvent } from '../../src/cli/events.ts';
import { revokeToken } from '../../src/store/access/tokens.ts';
import { type ApiWorld, openApiWorld } from '../support/api-world.ts';

const never = new AbortController().signal;

async function openFollower(t: TestContext): Promise<{ world: ApiWorld; client: Client; token: string }> {
  const world = await openApiWorld(t);
  const token = await world.makeToken(world.shop.app.id, 'logs');
  return { world, token, client: openClient({ kind: 'url', url: world.url, token }) };
}

async function write(world: ApiWorld, id: number, ...lines: string[]): Promise<void> {
  await using journal = await world.journals.write(id);
  for (const line of lines) journal.detail(line);
}

async function collect(
  events: AsyncIterable<StreamEvent>,
  upTo = Number.POSITIVE_INFINITY,
): Promise<StreamEvent[]> {
  const seen: StreamEvent[] = [];
  for await (const event of events) {
    if (event.event === 'state') continue;
    seen.push(event);
    if (seen.length === upTo) break;
  }
  return seen;
}

const texts = (events: readonly StreamEvent[]) =>
  events.filter(({ event }) => event === 'message').map(({ data }) => data.trim());

test('a follower sees every line once, wherever it lost the connection', async (t) => {
  const { world, client } = await openFollower(t);
  const deploy = await world.queue();
  const path = `/deploys/${deploy.id}/log`;
  await write(world, deploy.id, 'one', 'zwei ü', 'three');
  const first = await collect(client.follow(path, { signal: never }), 2);
  assert.deepEqual(texts(first), ['one', 'zwei ü']);
  const rest = collect(client.follow(path, { lastId: first[1]?.id, signal: never }));
  await write(world, deploy.id, 'four');
  await world.finish(deploy);
  const seen = await rest;
  assert.deepEqual(texts(seen), ['three', 'four']);
  const end = JSON.parse(seen.at(-1)?.data ?? '');
  assert.equal(seen.at(-1)?.event, 'end');
  assert.equal(end.state, 'live');
  assert.match(
    end.lines[0],
    /^=====> Released v1 {2}http:\/\/shop\.localhost:8080 .*undo: hawser rollback -a shop -e production/,
  );
});

test('a position before the beginning is the beginning; one behind the end waits', async (t) => {
  const { world, client } = await openFollower(t);
  const deploy = await world.queue();
  await write(world, deploy.id, 'one');
  const path = `/deploys/${deploy.id}/log`;
  assert.deepEqual(texts(await collect(client.follow(path, { lastId: '-1', signal: never }), 1)), ['one']);
  const behind = collect(client.follow(path, { lastId: '99999999', signal: never }));
  await world.finish(deploy, 'failed');
  const seen = await behind;
  assert.deepEqual(texts(seen), []);
  assert.equal(JSON.parse(seen.at(-1)?.data ?? '').state, 'failed');
});

test('plain text is the whole log with the result of the ledger at its end', async (t) => {
  const { world, client, token } = await openFollower(t);
  const deploy = await world.queue();
  const lines = Array.from({ length: 20_000 }, (_, n) => `line ${n} ${'x'.repeat(20)}`);
  await write(world, deploy.id, ...lines);
  await world.finish(deploy, 'failed');
  let text = '';
  for await (const chunk of client.read(`/deploys/${deploy.id}/log`)) text += chunk;
  const seen = text.trimEnd().split('\n');
  assert.equal(seen.length, 20_002);
  assert.equal(seen[19_999], `       ${lines[19_999]}`);
  assert.equal(seen[20_000], ` !     Deploy ${deploy.id} failed: step 3 failed (build_failed)`);
  assert.equal(seen[20_001], '       Mend it.');
  const { headers } = await world.ask('GET', `/api/v1/deploys/${deploy.id}/log`, {
    token,
    headers: { accept: 'text/plain' },
  });
  assert.equal(headers.get('content-type'), 'text/plain; charset=utf-8');
});

test('a deploy that goes on has no result yet', async (t) => {
  const { world, token } = await openFollower(t);
  const deploy = await world.queue();
  await write(world, deploy.id, 'one');
  const asking = { token, headers: { accept: 'text/plain' } };
  assert.equal((await world.ask('GET', `/api/v1/deploys/${deploy.id}/log`, asking)).text, '       one\n');
});

test('revoking a token closes what it follows', { timeout: 60_000 }, async (t) => {
  const { world, client } = await openFollower(t);
  const deploy = await world.queue();
  await write(world, deploy.id, 'one');
  const events = client.follow(`/deploys/${deploy.id}/log`, { signal: never });
  await events.next();
  await revokeToken(world.db, 'logs');
  const seen = await collect(events);
  assert.equal(seen.at(-1)?.event, 'error');
  assert.equal(JSON.parse(seen.at(-1)?.data ?? '').code, 'token_revoked');
});

test('a hundred followers that leave cost nothing that stays', async (t) => {
  const { world, client } = await openFollower(t);
  const deploy = await world.queue();
  await write(world, deploy.id, 'one');
  const before = process.getActiveResourcesInfo().length;
  await Promise.all(
    Array.from({ length: 100 }, () =>
      collect(client.follow(`/deploys/${deploy.id}/log`, { signal: never }), 1),
    ),
  );
  await world.restart();
  assert.ok(process.getActiveResourcesInfo().length < before + 10, process.getActiveResourcesInfo().join());
});
