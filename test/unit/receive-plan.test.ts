import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EnvironmentConfig, PreviewConfig } from '../../src/config.ts';
import { matchesPattern, planPush, planTogether, type RefDecision, zeroOid } from '../../src/receive/plan.ts';
import { environment } from '../support/receive-world.ts';

const one = '1'.repeat(40);
const two = '2'.repeat(40);
const environments = [
  environment('staging', ['staging']),
  environment('production', ['main'], ['v*']),
  environment('preview', ['preview/*']),
];

type Given = {
  options?: string[];
  old?: string;
  new?: string;
  isFastForward?: boolean;
  allowForce?: boolean;
  mayPush?: (environment: string) => boolean;
  commit?: boolean;
  previews?: PreviewConfig;
};

function plan(refs: string[], given: Given = {}) {
  const updates = refs.map((ref) => ({ ref, old: given.old ?? zeroOid, new: given.new ?? one }));
  const fact = { isFastForward: given.isFastForward ?? true, commitExists: given.commit ?? true };
  return planPush({
    updates,
    options: given.options ?? [],
    environments,
    facts: Object.fromEntries(refs.map((ref) => [ref, fact])),
    previews: given.previews ?? null,
    allowForce: given.allowForce ?? false,
    mayPush: given.mayPush ?? (() => true),
    limits: { refs: 3 },
  });
}

function decide(ref: string, given: Given = {}): RefDecision {
  const entry = plan([ref], given).updates[0];
  assert.ok(entry);
  return entry.decision;
}

function refusal(ref: string, given: Given = {}) {
  const decision = decide(ref, given);
  assert.equal(decision.kind, 'refuse');
  return decision.kind === 'refuse' ? decision : assert.fail();
}

const deploy = (name: string) => ({ kind: 'deploy', environment: name, options: {}, wait: true });

test('a branch deploys to the environment that follows it', () => {
  assert.deepEqual(decide('refs/heads/main'), deploy('production'));
  assert.deepEqual(decide('refs/heads/staging'), deploy('staging'));
  assert.deepEqual(decide('refs/heads/preview/login'), deploy('preview'));
  assert.deepEqual(decide('refs/tags/v1.2'), deploy('production'));
});

test('a branch that no environment takes is refused with the command that would have worked', () => {
  const refused = refusal('refs/heads/feature');
  assert.equal(refused.code, 'branch_not_deployed');
  assert.match(refused.message, /"feature".*staging to staging, main to production/);
  assert.equal(refused.fix, 'git push REMOTE feature:staging, or git push -o env=staging REMOTE feature');
  assert.equal(refusal('refs/tags/nightly').code, 'tag_not_deployed');
});

test('the command that would have worked can be pasted, whatever the branch is called', () => {
  assert.match(refusal("refs/heads/a'$(id)").fix ?? '', /'a'\\''\$\(id\)':staging/);
});

test('only branches and tags can be pushed', () => {
  const refs = [
    'refs/notes/x',
    'refs/replace/a',
    'refs/deploy/1',
    'HEAD',
    'refs/heads',
    'refs/hawser/deploys/1',
    'refs/for/main',
  ];
  for (const ref of refs) assert.equal(refusal(ref).code, 'ref_not_allowed', ref);
});

test('push options choose the environment, the cache and whether to wait', () => {
  assert.deepEqual(decide('refs/heads/feature', { options: ['env=staging', 'no-wait', 'no-cache'] }), {
    kind: 'deploy',
    environment: 'staging',
    options: { noCache: true },
    wait: false,
  });
  assert.equal(refusal('refs/heads/main', { options: ['env=prod'] }).code, 'environment_not_found');
  assert.deepEqual(decide('refs/heads/feature', { options: ['skip'] }), { kind: 'move', removes: null });
});

test('an unknown push option refuses the push and is only ever shown', () => {
  for (const option of [
    'plan=1',
    'a;b=c',
    '$(touch /tmp/x)',
    'env=prod;rm',
    'env=',
    '',
    'env=a\nskip',
    'SKIP',
  ]) {
    const refused = refusal('refs/heads/main', { options: [option] });
    assert.equal(refused.code, 'unknown_push_option', option);
    assert.match(refused.message, /known: env=NAME, no-wait, no-cache, plan, skip/);
    assert.doesNotMatch(refused.message, /\n/);
  }
  assert.equal(refusal('refs/heads/main', { options: Array(1000).fill('skip') }).code, 'unknown_push_option');
  assert.ok(refusal('refs/heads/main', { options: ['x'.repeat(60_000)] }).message.length < 300);
});

test('a branch that deploys is not deleted, another one is', () => {
  assert.equal(refusal('refs/heads/main', { old: one, new: zeroOid }).code, 'branch_in_use');
  assert.deepEqual(decide('refs/heads/old', { old: one, new: zeroOid }), { kind: 'move', removes: null });
  assert.deepEqual(decide('refs/tags/v1', { old: one, new: zeroOid }), { kind: 'move', removes: null });
});

test('a branch that deploys loses commits only where that is allowed', () => {
  const forced = { old: two, new: one, isFastForward: false };
  assert.equal(refusal('refs/heads/main', forced).code, 'force_not_allowed');
  assert.equal(refusal('refs/heads/main', { ...forced, options: ['skip'] }).code, 'force_not_allowed');
  assert.deepEqual(decide('refs/heads/main', { ...forced, allowForce: true }), deploy('production'));
  assert.deepEqual(decide('refs/heads/other', { ...forced, options: ['skip'] }), {
    kind: 'move',
    removes: null,
  });
});

test('what is no commit does not deploy', () => {
  assert.equal(refusal('refs/tags/v1', { commit: false }).code, 'not_a_commit');
});

test('more refs than the limit are all refused', () => {
  const { updates } = plan(
    ['a', 'b', 'c', 'd'].map((name) => `refs/heads/${name}`),
    { options: ['skip'] },
  );
  assert.equal(updates.length, 4);
  for (const { decision } of updates)
    assert.equal(decision.kind === 'refuse' && decision.code, 'too_many_refs');
});

test('without --atomic the good refs go; with it one bad one refuses all', () => {
  const mixed = plan(['refs/heads/main', 'refs/heads/feature']);
  assert.deepEqual(
    mixed.updates.map(({ decision }) => decision.kind),
    ['deploy', 'refuse'],
  );
  const codes = planTogether(mixed).updates.map(
    ({ decision }) => decision.kind === 'refuse' && decision.code,
  );
  assert.deepEqual(codes, ['atomic_refused', 'branch_not_deployed']);
});

test('an atomic push promises one deploy at most', () => {
  const codes = (refs: string[]) =>
    planTogether(plan(refs)).updates.map(({ decision }) =>
      decision.kind === 'refuse' ? decision.code : decision.kind,
    );
  assert.deepEqual(codes(['refs/heads/main', 'refs/heads/staging']), ['atomic_deploys', 'atomic_deploys']);
  assert.deepEqual(codes(['refs/heads/main']), ['deploy']);
});

test('a star stands for anything but a slash, two for anything', () => {
  assert.ok(matchesPattern('preview/a', 'preview/*'));
  assert.ok(!matchesPattern('preview/a/b', 'preview/*'));
  assert.ok(matchesPattern('preview/a/b', 'preview/**'));
  assert.ok(!matchesPattern('mainx', 'main'));
  assert.ok(!matchesPattern('vx1', 'v.1'));
  assert.ok(!matchesPattern('a'.repeat(2000), '*a*a*b'));
});

test('a branch of previews makes an environment of its own, may be written anew and goes with its preview', () => {
  const previews = {
    branches: ['try/*'],
    like: 'production',
    configFrom: null,
    ttlMs: 1,
    domain: '',
    limit: 1,
  };
  const forced = { previews, old: one, isFastForward: false };
  assert.deepEqual(decide('refs/heads/try/login', { previews }), deploy('preview-login'));
  assert.deepEqual(decide('refs/heads/try/login', forced), deploy('preview-login'));
  assert.deepEqual(decide('refs/heads/try/login', { previews, old: one, new: zeroOid }), {
    kind: 'move',
    removes: 'preview-login',
  });
  assert.equal(refusal('refs/heads/other', { previews }).code, 'branch_not_deployed');
  assert.equal(refusal('refs/tags/try/login', { previews }).code, 'tag_not_deployed');
});

test('a push that asks for the plan alone is planned', () => {
  const planned = { kind: 'plan', environment: 'production' };
  assert.deepEqual(decide('refs/heads/main', { options: ['plan'] }), planned);
});

test('a reason to go out in a freeze is one readable line', () => {
  const given = (text: string) => ({ options: [`override-freeze=${text}`] });
  const why = 'the “pay” button is gone: #42';
  assert.deepEqual(decide('refs/heads/main', given(why)), {
    ...deploy('production'),
    options: { overrideFreeze: why },
  });
  for (const bad of ['', '   ', 'x'.repeat(201), 'a\x1b[2Jb', 'a\nb', 'a\u202eb']) {
    assert.equal(refusal('refs/heads/main', given(bad)).code, 'unknown_push_option', JSON.stringify(bad));
  }
});

test('an environment that is only promoted to refuses a push with the command that would bring it there', () => {
  const promoted: EnvironmentConfig = { ...environment('production', []), promoteFrom: ['staging'] };
  const question = {
    facts: {},
    previews: null,
    allowForce: false,
    mayPush: () => true,
    limits: { refs: 3 },
  };
  const ask = (environments: EnvironmentConfig[], ref: string, options: string[] = []) => {
    const updates = [{ ref, old: zeroOid, new: one }];
    return planPush({ ...question, updates, environments, options }).updates[0]?.decision;
  };
  const stages = [environment('staging', ['main']), promoted];
  const command = 'hawser promote --from staging --to production';
  const named = ask(stages, 'refs/heads/main', ['env=production']);
  assert.ok(named?.kind === 'refuse');
  assert.deepEqual([named.code, named.fix], ['promotion_only', command]);
  const branch = ask(stages, 'refs/heads/production');
  assert.ok(branch?.kind === 'refuse');
  assert.deepEqual([branch.code, branch.fix], ['branch_not_deployed', command]);
  assert.equal(ask(stages, 'refs/heads/main')?.kind, 'deploy');
  const both = [...stages.slice(0, 1), { ...promoted, branches: ['release'] }];
  assert.equal(ask(both, 'refs/heads/release')?.kind, 'deploy');
});
