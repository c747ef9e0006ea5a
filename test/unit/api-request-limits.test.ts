import assert from 'node:assert/strict';
import { test } from 'node:test';
import fastify from 'fastify';
import { openRequestLimits } from '../../src/api/request-limits.ts';
import { Failure } from '../../src/failure.ts';
import { type Actor, nobody } from '../../src/model/access.ts';

/** Answers 200, or 429 with what it is told; `u` says which user asks, `t` which token. */
async function openServer() {
  const server = fastify();
  const limits = await openRequestLimits(server, { address: 60, credential: 30 });
  server.setErrorHandler((error, _request, reply) => {
    assert.ok(error instanceof Failure);
    return reply.code(error.status).send({ code: error.code, fix: error.fix });
  });
  server.get('/', async (request, reply) => {
    await limits.admitAddress(request, reply);
    const { u = null } = request.query as { u?: string };
    const actor: Actor = { ...nobody, kind: 'token', userId: u };
    await limits.admitActor(actor, request, reply);
    return 'ok';
  });
  return (address: string, query = '', authorization = '') =>
    server.inject({ url: `/${query}`, remoteAddress: address, headers: { authorization } });
}

test('a credential, all credentials of a user, and an address each have their limit', async () => {
  const ask = await openServer();
  const statuses = async (count: number, asking: () => ReturnType<typeof ask>) => {
    const answers = [];
    for (let n = 0; n < count; n += 1) answers.push((await asking()).statusCode);
    return answers.filter((status) => status === 200).length;
  };
  assert.equal(await statuses(8, () => ask('127.0.0.1', '', 'one')), 5);
  assert.equal(await statuses(8, () => ask('127.0.0.1', '', 'two')), 5);
  let tokens = 0;
  assert.equal(await statuses(8, () => ask('127.0.0.1', '?u=ada', `token ${tokens++}`)), 5);
  assert.equal(await statuses(15, () => ask('192.0.2.1', '', `token ${tokens++}`)), 10);
  assert.equal(await statuses(2, () => ask('192.0.2.2', '', `token ${tokens++}`)), 2);
  // A network of one holder is one address.
  assert.equal(await statuses(15, () => ask(`2001:db8::${tokens}`, '', `token ${tokens++}`)), 10);
  // A proxy on this machine stands for everybody.
  assert.equal(await statuses(15, () => ask('127.0.0.1', '', `token ${tokens++}`)), 15);
});

test('who asks too much is told when to ask again', async () => {
  const ask = await openServer();
  let answer = await ask('127.0.0.1', '', 'one');
  for (let n = 0; n < 6; n += 1) answer = await ask('127.0.0.1', '', 'one');
  assert.equal(answer.statusCode, 429);
  const seconds = Number(answer.headers['retry-after']);
  assert.ok(seconds >= 1 && seconds <= 10, `${seconds}`);
  assert.deepEqual(answer.json(), { code: 'too_many_requests', fix: `Ask again in ${seconds} s.` });
});
