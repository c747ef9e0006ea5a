import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planRunStep, type Run, type RunSight } from '../../src/model/run.ts';

const now = 1_000_000;
const held = now + 1;
const run: Run = {
  id: 1,
  environmentId: 'e',
  version: 1,
  inside: false,
  server: 'app1',
  container: 'c',
  actor: 'ada',
  command: ['true'],
  attached: true,
  state: 'running',
  heldMs: held,
  endsMs: now + 60_000,
  stop: null,
  outcome: null,
  exitCode: null,
  detail: null,
  createdAt: '',
  startedAt: null,
  endedAt: null,
};
const alive: RunSight = { state: 'running', exitCode: 0, oomKilled: false };
const over: RunSight = { state: 'ended', exitCode: 7, oomKilled: false };

function step(change: Partial<Run>, sight: RunSight, isHolder = false): string {
  const due = planRunStep({ ...run, ...change }, sight, { now, isHolder });
  if (due.do === 'wait') return 'wait';
  return due.do === 'stop' ? `stop: ${due.why}` : `${due.end.outcome} ${due.end.exitCode}`;
}

test('a run that somebody holds is left to them, until its time is over or somebody wants it to end', () => {
  assert.equal(step({}, alive), 'wait');
  assert.equal(step({}, over), 'wait');
  assert.equal(step({ state: 'starting' }, null), 'wait');
  assert.equal(step({ endsMs: now }, alive), 'stop: timed_out');
  assert.equal(step({ stop: 'cancelled' }, alive), 'stop: cancelled');
});

test('who holds it records how it ended', () => {
  assert.equal(step({}, over, true), 'exited 7');
  assert.equal(step({ stop: 'cancelled' }, over, true), 'cancelled 7');
  assert.equal(step({}, { ...over, exitCode: 137, oomKilled: true }, true), 'out_of_memory 137');
  assert.equal(step({}, alive, true), 'wait');
});

test('of one that nobody holds any more nothing is left', () => {
  assert.equal(step({ heldMs: now }, alive), 'stop: left');
  assert.equal(step({ heldMs: now }, over), 'exited 7');
  assert.equal(step({ heldMs: now }, null), 'lost null');
  assert.equal(step({ heldMs: now }, { ...alive, state: 'created' }), 'not_started null');
  assert.equal(step({ heldMs: now, state: 'starting' }, null), 'not_started null');
  assert.equal(step({ attached: false, heldMs: null }, alive), 'wait');
  assert.equal(step({ attached: false, heldMs: null }, over), 'exited 7');
  assert.equal(step({ state: 'ended', heldMs: null }, over), 'wait');
});
