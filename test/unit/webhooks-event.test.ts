import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Failure } from '../../src/failure.ts';
import { forges } from '../../src/model/webhook.ts';
import { readEvent } from '../../src/webhooks/event.ts';

const eventNames = [
  'push',
  'ping',
  'delete',
  'Push Hook',
  'Tag Push Hook',
  'repo:push',
  'repo:refs_changed',
  '',
];
const zero = '0'.repeat(40);
const commit = 'c'.repeat(40);

function headersOf(event: string) {
  const names = ['x-github-event', 'x-gitea-event', 'x-gitlab-event', 'x-event-key'];
  return Object.fromEntries(names.map((name) => [name, event]));
}

test('whatever a body holds, it is understood or refused, and nothing else', () => {
  const word = fc.constantFrom(
    'ref',
    'after',
    'push',
    'changes',
    'new',
    'old',
    'repository',
    'full_name',
    'ref_type',
  );
  const leaf = fc.oneof(
    fc.constantFrom('refs/heads/main', commit, zero, 'branch'),
    fc.string(),
    fc.integer(),
  );
  const { body } = fc.letrec((tie) => ({
    body: fc.oneof(
      { depthSize: 'small' },
      leaf,
      fc.array(tie('body'), { maxLength: 3 }),
      fc.dictionary(fc.oneof(word, fc.string()), tie('body'), { maxKeys: 5 }),
      fc.constant(null),
    ),
  }));
  const text = fc.oneof(
    body.map((value) => JSON.stringify(value)),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.constantFrom(...forges), fc.constantFrom(...eventNames), text, (forge, event, sent) => {
      try {
        const read = readEvent(forge, headersOf(event), Buffer.from(sent));
        assert.ok(['ping', 'push', 'other'].includes(read.kind));
      } catch (error) {
        assert.ok(error instanceof Failure && error.code === 'webhook_not_understood', String(error));
      }
    }),
    { numRuns: 20_000 },
  );
});

test('a deleted branch has no commit, tags are tags, and a form carries JSON too', () => {
  const read = (forge: (typeof forges)[number], event: string, body: object) =>
    readEvent(forge, headersOf(event), Buffer.from(JSON.stringify(body)));
  const update = (ref: string, of: string | null) => ({
    kind: 'push',
    repository: null,
    updates: [{ ref, commit: of }],
  });
  assert.deepEqual(
    read('github', 'push', { ref: 'refs/heads/x', after: zero }),
    update('refs/heads/x', null),
  );
  assert.deepEqual(read('gitea', 'delete', { ref: 'x', ref_type: 'branch' }), update('refs/heads/x', null));
  assert.deepEqual(
    read('gitlab', 'Tag Push Hook', { ref: 'refs/tags/v1', after: commit }),
    update('refs/tags/v1', commit),
  );
  const old = { type: 'branch', name: 'x', target: { hash: commit } };
  assert.deepEqual(
    read('bitbucket', 'repo:push', { push: { changes: [{ new: null, old }] } }),
    update('refs/heads/x', null),
  );
  const server = { changes: [{ ref: { id: 'refs/heads/x' }, toHash: commit, type: 'UPDATE' }] };
  assert.deepEqual(read('bitbucket', 'repo:refs_changed', server), update('refs/heads/x', commit));
  const form = `payload=${encodeURIComponent(JSON.stringify({ ref: 'refs/heads/x', after: commit }))}`;
  const headers = { ...headersOf('push'), 'content-type': 'application/x-www-form-urlencoded' };
  assert.deepEqual(readEvent('github', headers, Buffer.from(form)), update('refs/heads/x', commit));
});
