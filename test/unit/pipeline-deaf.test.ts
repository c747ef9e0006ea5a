import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerInspect } from '../../src/fleet/docker.ts';
import { isDeaf } from '../../src/pipeline/converge/deaf.ts';

const now = Date.parse('2026-03-01T12:00:00Z');

const startedBefore = (ms: number, Running = true) =>
  ({ State: { Running, StartedAt: new Date(now - ms).toISOString() } }) as ContainerInspect;

const rows = [
  ['refused connections for as long as it ran', startedBefore(20_000), 20_000, true],
  ['is answering', startedBefore(60_000), 0, false],
  ['was refused for a moment', startedBefore(60_000), 5_000, false],
  ['was just started anew by its engine', startedBefore(3_000), 60_000, false],
  ['has ended', startedBefore(60_000, false), 60_000, false],
] as const;

for (const [what, container, downMs, deaf] of rows) {
  test(`a container that ${what} is ${deaf ? '' : 'not '}deaf`, () => {
    assert.equal(isDeaf(container, downMs, now), deaf);
  });
}
