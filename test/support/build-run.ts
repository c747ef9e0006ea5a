import assert from 'node:assert/strict';
import { planManifest } from '../../src/build/manifest.ts';
import { type BuildRequest, performBuild } from '../../src/build/perform.ts';
import { Failure } from '../../src/failure.ts';
import type { Docker } from '../../src/fleet/docker.ts';
import { keepLog, sourceOf } from './build-source.ts';

const mega = 1024 ** 2;
let deploys = 9_000_000 + process.pid * 100;

export type Files = Readonly<Record<string, string>>;

/** A build of these files with small limits; `changes` are of what is asked. */
export function prepare(docker: Docker, base: string, files: Files, changes: Partial<BuildRequest> = {}) {
  const log = keepLog();
  deploys += 1;
  const deployId = deploys;
  const request: BuildRequest = {
    docker,
    source: sourceOf(files),
    manifest: planManifest({ procfile: null, appJson: files['app.json'] ?? null }),
    builders: {
      memory: 64 * mega,
      cpus: 1,
      pids: 64,
      timeoutMs: 60_000,
      network: 'engine',
      bases: { node: base, python: base, static: base },
    },
    limits: { diskFloor: 0 },
    deployId,
    noCache: false,
    log,
    signal: new AbortController().signal,
    ...changes,
  };
  return { log, deployId, request, build: () => performBuild(request) };
}

/** What work fails with, which must be a Failure. */
export async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  const error = await promise.then(
    () => assert.fail('it did not fail'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Failure, String((error as Error).stack));
  return error;
}

/** Containers of one build that are still there. */
export async function leftovers(docker: Docker, deployId: number): Promise<string[]> {
  const containers = await docker.listContainers({ all: true });
  const marked = await Promise.all(
    containers.map(async ({ Id }) => {
      // Containers of other tests come and go.
      const found = await docker
        .getContainer(Id)
        .inspect()
        .catch(() => null);
      return found?.HostConfig.ExtraHosts?.includes(`hawser-build-${deployId}:127.0.0.1`) ? [Id] : [];
    }),
  );
  return marked.flat();
}
