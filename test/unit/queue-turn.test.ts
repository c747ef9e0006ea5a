import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Deploy, DeployKind, DeployState } from '../../src/model/deploy.ts';
import { nextTurn, positionOf } from '../../src/queue/turn.ts';

function deploy(id: number, state: DeployState, kind: DeployKind = 'push'): Deploy {
  return {
    id,
    environmentId: 'e1',
    kind,
    state,
    sourceId: 1,
    fromReleaseId: null,
    releaseId: null,
    epoch: 0,
    options: {},
    actor: 'test',
    stopRequest: null,
    failureCode: null,
    failureMessage: null,
    failureFix: null,
    switchedAt: null,
    progress: null,
    hold: null,
    createdAt: '',
    startedAt: null,
    endedAt: null,
  };
}

test('the build lane takes the oldest push that waits or was begun', () => {
  assert.equal(
    nextTurn('build', [deploy(3, 'queued'), deploy(2, 'building'), deploy(1, 'rolling_out')])?.id,
    2,
  );
  assert.equal(nextTurn('build', [deploy(1, 'publishing')])?.id, 1);
  assert.equal(nextTurn('build', [deploy(1, 'releasing')]), undefined);
});

test('a rollback needs no build: only the rollout lane takes it', () => {
  const unfinished = [deploy(1, 'queued', 'rollback')];
  assert.equal(nextTurn('build', unfinished), undefined);
  assert.equal(nextTurn('rollout', unfinished)?.id, 1);
});

test('a rollout that was begun is ended before another begins', () => {
  assert.equal(nextTurn('rollout', [deploy(1, 'releasing'), deploy(2, 'rolling_out')])?.id, 2);
});

test('a rollback does not wait for the build of an older push', () => {
  assert.equal(nextTurn('rollout', [deploy(1, 'building'), deploy(2, 'queued', 'rollback')])?.id, 2);
});

test('the place in line counts what is before', () => {
  assert.equal(positionOf(7, [deploy(3, 'rolling_out'), deploy(7, 'queued'), deploy(9, 'queued')]), 2);
});
