import assert from 'node:assert/strict';
import type { Seen, SeenServer } from './checker-look.ts';

/** What must be true of an installation once faults have ended; each says its number when it is not. */
export const invariants: Readonly<Record<string, (seen: Seen) => void>> = {
  /** No lost push: one that was answered well has its commit kept and its deploy recorded. */
  I1({ pushes, deploys, refs }) {
    for (const { commit } of pushes.filter(({ code }) => code === 0)) {
      const mine = deploys.filter((deploy) => deploy.commit === commit);
      assert.ok(mine.length > 0, `I1: the push of ${commit} exited 0 and has no deploy`);
      const kept = mine.some(({ id }) => refs.get(`refs/hawser/deploys/${id}`) === commit);
      assert.ok(kept, `I1: the commit ${commit} is not kept under a ref`);
    }
  },

  /** No ghost: no branch is where no deploy went live, and a push leaves no half work behind. */
  I2({ refs, deploys, leftovers }) {
    const live = new Set(deploys.filter(({ state }) => state === 'live').map(({ commit }) => commit));
    for (const [name, commit] of refs)
      if (name.startsWith('refs/heads/'))
        assert.ok(live.has(commit), `I2: ${name} is at ${commit}, which was never live`);
    assert.deepEqual(leftovers, [], 'I2: left in the repository');
  },

  /** One release: the current one runs everywhere, and nothing else of ours does. */
  I3({ release, servers, containers, routed, known, built, app, env }) {
    assert.ok(release, 'I3: no release is current');
    const all = servers.flatMap((server) => server.containers);
    const told = all.map(({ name, state }) => `${name} ${state}`).join(', ');
    assert.equal(all.length, containers, `I3: containers: ${told}`);
    for (const { name, state, labels } of all) {
      assert.equal(state, 'running', `I3: ${name}`);
      assert.equal(labels['hawser.release'], String(release.version), `I3: ${name} is of another release`);
    }
    for (const server of servers) checkNetworks(server, `${app}/${env}`);
    const names = new RegExp(`-v${release.version}-`);
    assert.ok(routed.length > 0, 'I3: nothing is routed');
    for (const name of routed) assert.match(name, names, 'I3: routed');
    for (const name of known) assert.match(name, names, 'I3: known to the ledger');
    assert.deepEqual(built, [], 'I3: containers where images are built');
  },

  /** No dropped request. */
  I4({ failedRequests }) {
    assert.deepEqual(failedRequests, [], 'I4: requests failed');
  },

  /** Never a release that did not pass its probes: whoever fails leaves the one before. */
  I5({ release, pushes, answers, bodyOf }) {
    assert.ok(release?.live, 'I5: the current release never went live');
    for (const { commit } of pushes.filter(({ broken }) => broken)) {
      assert.notEqual(release.commit, commit, `I5: the broken ${commit} is current`);
      for (const { body } of answers)
        assert.notEqual(body.trim(), bodyOf(commit), 'I5: a broken one answers');
    }
  },

  /** Order: what went live last is current, and the branch is there. */
  I6({ deploys, release, refs, branch }) {
    const live = deploys.filter(({ state, mine }) => state === 'live' && mine);
    const pushed = live.filter(({ kind }) => kind === 'push');
    assert.equal(refs.get(branch), pushed.at(-1)?.commit, `I6: ${branch} is not at the last live commit`);
    if (live.at(-1)?.kind === 'push')
      assert.equal(release?.commit, live.at(-1)?.commit, 'I6: an older release is current');
  },

  /** At most once: a release command ran once for its deploy. */
  I7({ journals }) {
    for (const [id, journal] of journals) {
      const runs = new Set(journal.match(/migrated by [0-9a-f-]{36}/g));
      assert.ok(runs.size <= 1, `I7: the release command of deploy ${id} ran ${runs.size} times`);
    }
  },

  /** True status: everything has ended with a reason, and what is called live is what is served. */
  I8({ deploys, release, routed, admitted, answers, bodyOf, pushes }) {
    for (const { id, state, ended, failure } of deploys) {
      assert.ok(ended, `I8: deploy ${id} is ${state} and has not ended`);
      if (state !== 'live') assert.ok(failure, `I8: deploy ${id} ended ${state} without a reason`);
    }
    for (const { commit } of pushes.filter(({ code, queued }) => code === 0 && !queued)) {
      const states = deploys.filter((deploy) => deploy.commit === commit).map(({ state }) => state);
      const well = states.includes('live') || states.every((state) => state === 'superseded');
      assert.ok(well, `I8: the push of ${commit} exited 0 and is ${states}`);
    }
    assert.deepEqual(admitted.toSorted(), routed.toSorted(), 'I8: what the load balancer serves');
    for (const { status, body } of answers) {
      assert.equal(status, 200, 'I8: what is live does not answer');
      assert.equal(body.trim(), bodyOf(release?.commit ?? ''), 'I8: something else answers');
    }
  },

  /** No gap in the log: who followed to the end was told every line, in order. */
  I9({ pushes, deploys, journals }) {
    for (const { commit, code, output, queued } of pushes) {
      const [deploy, another] = deploys.filter((one) => one.commit === commit);
      if (code !== 0 || output === undefined || queued || !deploy || another) continue;
      const gap = findGap(linesOf(journals.get(deploy.id) ?? ''), output);
      assert.equal(gap, undefined, `I9: deploy ${deploy.id}: the pusher was not told this line`);
    }
  },

  /** Secrets stay. */
  I10({ leaks }) {
    assert.deepEqual(leaks, [], 'I10: files with a secret in them');
  },

  /** Apps live without us: their engines start them again by themselves. */
  I11({ servers }) {
    for (const { name, restart } of servers.flatMap((server) => server.containers))
      assert.equal(restart, 'always', `I11: the restart policy of ${name}`);
  },

  /** Bounded: a kept ref and a journal for each deploy, and nothing more for pushes that were lost. */
  I12({ refs, deploys, journals, pushes }) {
    const kept = [...refs.keys()].filter((name) => name.startsWith('refs/hawser/deploys/'));
    const lost = pushes.filter(({ code }) => code !== 0).length;
    assert.ok(kept.length <= deploys.length + lost, `I12: ${kept.length} kept refs`);
    assert.ok(journals.size <= deploys.length, `I12: ${journals.size} journals of ${deploys.length} deploys`);
  },
};

function checkNetworks({ name, networks }: SeenServer, expected: string): void {
  assert.deepEqual(networks, [expected], `I3: networks on ${name}`);
}

function linesOf(journal: string): string[] {
  return journal
    .split('\n')
    .slice(0, -1)
    .map((line) => line.trimEnd());
}

/** A line that was left out although a later one was told; what is written after the end is told to nobody. */
function findGap(journal: readonly string[], output: string): string | undefined {
  const told = output.split('\n').map((line) => line.replace(/^remote: /, '').trimEnd());
  let at = 0;
  let missing: string | undefined;
  for (const line of journal) {
    const found = told.indexOf(line, at);
    if (found < 0) missing ??= line;
    else if (missing !== undefined) return missing;
    else at = found + 1;
  }
  return undefined;
}
