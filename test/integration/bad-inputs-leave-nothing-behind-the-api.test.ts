import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apiCases } from '../bad-inputs/api-cases.ts';
import { openTraces } from '../bad-inputs/traces.ts';
import { openApiWorld } from '../support/api-world.ts';

test('every bad word is refused by its code at every place that takes one, and leaves nothing', async (t) => {
  const world = await openApiWorld(t);
  const token = await world.makeToken(null, 'admin');
  await world.finish(await world.queue());
  const { db, logged } = world;
  // The audit log keeps what was refused, and a token when it was used last.
  const records = ['audit', 'audit_entries', 'audit_head'];
  await world.ask('GET', '/api/v1/apps', { token });
  const traces = await openTraces({ db, logged, folders: [world.config.data], records });
  const wrong: string[] = [];
  for (const { row, what, method, path, body, answer } of apiCases) {
    const asking = { token, ...(body === undefined ? {} : { body }) };
    const { status, json, text } = await world.ask(method, `/api/v1${path}`, asking);
    const said = `${status} ${json?.code}`;
    if (!answer.test(said)) wrong.push(`${row} ${method} ${path} ${JSON.stringify(what)}: ${said}`);
    assert.doesNotMatch(text, /\p{Cc}|node_modules|\.ts:\d/u, `${row} ${what}`);
    assert.ok(text.length < 3_000, `${row}: ${text.length} characters of answer`);
  }
  assert.deepEqual(wrong, []);
  await traces.assertNone();
});
