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
  assert.equal(nextTurn('build', [deploy(1, 'queued', 'image')])?.id, 1);
  assert.equal(nextTurn('rollout', [deploy(1, 'queued', 'image')]), undefined);
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

test('a change waits for all that is older, and for nothing that is newer or waits for a person', () => {
  const change = deploy(2, 'queued', 'change');
  assert.equal(nextTurn('build', [change]), undefined);
  assert.equal(nextTurn('rollout', [change])?.id, 2);
  for (const state of ['queued', 'building', 'testing', 'publishing'] as const) {
    assert.equal(nextTurn('rollout', [deploy(1, state), change]), undefined, state);
    assert.equal(nextTurn('rollout', [change, deploy(3, state)])?.id, 2, state);
  }
  assert.equal(nextTurn('rollout', [deploy(1, 'releasing'), change])?.id, 1);
  assert.equal(nextTurn('rollout', [deploy(1, 'queued', 'change'), change])?.id, 1);
  assert.equal(nextTurn('rollout', [change, deploy(3, 'queued', 'rollback')])?.id, 2);
  const held = { ...deploy(1, 'queued', 'promote'), hold: 'approval' as const };
  assert.equal(nextTurn('rollout', [held, change])?.id, 2);
});

test('a change keeps waiting while a rollback passes a build that both are behind', () => {
  const unfinished = [deploy(1, 'building'), deploy(2, 'queued', 'change'), deploy(3, 'queued', 'rollback')];
  assert.equal(nextTurn('rollout', unfinished)?.id, 3);
});

test('a rollout that waits for a person keeps the lane, and nothing goes past it', () => {
  const waiting = { ...deploy(1, 'rolling_out'), hold: 'rollout' as const };
  assert.equal(nextTurn('rollout', [waiting, deploy(2, 'queued', 'change')]), undefined);
  const stopped = { ...waiting, stopRequest: 'cancelled' as const };
  assert.equal(nextTurn('rollout', [stopped, deploy(2, 'queued', 'change')])?.id, 1);
});

test('the place in line counts what is before', () => {
  assert.equal(positionOf(7, [deploy(3, 'rolling_out'), deploy(7, 'queued'), deploy(9, 'queued')]), 2);
});
