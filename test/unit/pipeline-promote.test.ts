import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listChains, listPromotionLines } from '../../src/cli/print-pipeline.ts';
import { Failure } from '../../src/failure.ts';
import {
  choosePromotion,
  compareNames,
  isSameCode,
  orderStages,
  refuseMissing,
} from '../../src/pipeline/accept/promote-plan.ts';

const stage = (name: string, ...promoteFrom: string[]) => ({ name, promoteFrom });
const usual = [stage('production', 'staging'), stage('staging')];

function fails(act: () => unknown): { code: string; message: string; fix: string } {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof Failure, String(error));
    return { code: error.code, message: error.message, fix: error.fix };
  }
  return assert.fail('it was allowed');
}

test('what is not named is the only thing that it can be', () => {
  const route = { from: 'staging', to: 'production' };
  for (const from of ['staging', null]) {
    for (const to of ['production', null]) assert.deepEqual(choosePromotion(usual, { from, to }), route);
  }
});

test('more than one way must be named', () => {
  const two = [...usual, stage('demo', 'staging')];
  const refused = fails(() => choosePromotion(two, { from: 'staging', to: null }));
  assert.equal(refused.code, 'promotion_not_clear');
  assert.match(refused.message, /staging to production, staging to demo/);
  assert.deepEqual(choosePromotion(two, { from: null, to: 'demo' }), { from: 'staging', to: 'demo' });
});

test('a way that the file does not have is refused, with one that it has', () => {
  const stages = [...usual, stage('test')];
  const other = fails(() => choosePromotion(stages, { from: 'test', to: 'production' }));
  assert.equal(other.code, 'promote_not_allowed');
  assert.match(other.message, /^production takes promotions from staging, not from test/);
  assert.equal(other.fix, 'hawser promote --from staging --to production');
  const back = fails(() => choosePromotion(stages, { from: 'production', to: 'staging' }));
  assert.match(back.message, /^staging takes no promotions/);
  assert.match(back.fix, /"promoteFrom": "production" to environments\.staging/);
  assert.equal(
    fails(() => choosePromotion([stage('only')], { from: null, to: null })).code,
    'promote_not_allowed',
  );
  assert.equal(fails(() => choosePromotion(stages, { from: 'x', to: null })).code, 'environment_unknown');
});

test('stages stand behind what they take promotions from, whatever the order of the file', () => {
  const stages = [
    stage('production', 'staging', 'hotfix'),
    stage('staging', 'test'),
    stage('hotfix'),
    stage('test'),
  ];
  assert.deepEqual(
    orderStages(stages).map(({ name }) => name),
    ['test', 'staging', 'hotfix', 'production'],
  );
});

test('a missing variable is named with the command that sets it, its value never', () => {
  const names = compareNames({ A: 'secret', B: 'b', C: 'c' }, { B: 'other', D: 'd' });
  assert.deepEqual(names, { missing: ['A', 'C'], extra: ['D'] });
  const route = { from: 'staging', to: 'production' };
  const refused = fails(() => refuseMissing(names.missing, 'shop', route));
  assert.deepEqual(refused, {
    code: 'config_key_missing',
    message: 'production lacks A, C, which staging has.',
    fix: 'hawser config:set -a shop -e production A=VALUE C=VALUE',
  });
  refuseMissing([], 'shop', route);
});

test('the same image of another commit is other code', () => {
  const image = { repository: 'r', digest: 'sha256:1' };
  assert.equal(isSameCode({ image, commit: 'a' }, { image, commit: 'a' }), true);
  assert.equal(isSameCode({ image, commit: 'a' }, { image, commit: 'b' }), false);
});

test('a pipeline is a line for each way through it', () => {
  const live = (env: string, release: number | null, promoteFrom: string[], waiting: number[] = []) => {
    const commit = release === null ? null : `${release}`.repeat(40).slice(0, 40);
    return { env, release, commit, promoteFrom, waiting };
  };
  const stages = [
    live('staging', 2, []),
    live('production', 1, ['staging'], [9]),
    live('demo', null, ['staging']),
  ];
  assert.deepEqual(listChains({ app: 'shop', stages: [...stages, live('lab', 3, [])] }), [
    'staging v2 2222222 -> production v1 1111111, deploy 9 waits for approval',
    'staging v2 2222222 -> demo nothing live',
    'lab v3 3333333',
  ]);
});

test('a promotion tells its commits, what it would undo, and names that differ', () => {
  const commit = (name: string) => ({
    commit: name.repeat(40),
    author: 'Ada\u001b[2J',
    message: `change ${name}`,
  });
  assert.deepEqual(
    listPromotionLines({
      from: { env: 'staging', release: 3, commit: 'c'.repeat(40) },
      to: { env: 'production', release: null, commit: null },
      changes: ['config: +A'],
      missing: ['A'],
      extra: ['B', 'C'],
      commits: [commit('c')],
      undone: [commit('d')],
    }),
    [
      'staging v3 ccccccc -> production nothing live',
      '  config: +A',
      '  + ccccccc change c (Ada)',
      '  - ddddddd change d (Ada)',
      '  missing in production: A',
      '  only in production: B, C',
    ],
  );
});
