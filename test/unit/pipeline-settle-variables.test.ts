import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Config } from '../../src/config.ts';
import type { Manifest } from '../../src/model/manifest.ts';
import { writeOutside } from '../../src/model/outside-value.ts';
import { settleVariables } from '../../src/pipeline/accept/settle-variables.ts';
import type { Turn } from '../../src/pipeline/lanes/lane.ts';
import { recordDeploy, reserveDeployId } from '../../src/store/deploys.ts';
import { readSettings, writeSettings } from '../../src/store/settings.ts';
import { openShop } from '../support/ledger.ts';

/** A push whose turn it is to be built, with variables that are set; what its log says. */
async function openTurn(t: TestContext, vars: Record<string, string>) {
  const { db, app, environment } = await openShop(t);
  await writeSettings(db, environment.id, { vars, scale: {} });
  const deploy = await recordDeploy(db, {
    ...{ id: await reserveDeployId(db), environmentId: environment.id, kind: 'push', actor: 'ada' },
    ...{ options: {}, source: null, fromReleaseId: null, supersede: true },
  });
  const said: string[] = [];
  const say = (line: string) => void said.push(line);
  const log = { detail: say, warning: say, hideAnew: async () => undefined };
  const turn = { deploy, place: { app, environment }, log } as unknown as Turn;
  const outside = { folders: [], names: ['KEY', 'GONE'], variables: { KEY: 'S3CRET' } };
  const drivers = { db, config: { secrets: { outside } } as unknown as Config };
  const build = { dockerfile: null, context: '', target: null };
  const settle = (awaited: Manifest['awaited'], args: Record<string, string> = {}) =>
    settleVariables(turn, { awaited, build: { ...build, args } }, drivers);
  return { settle, said, vars: async () => (await readSettings(db, environment.id)).vars };
}

test('a variable never goes into a build as an argument of its name', async (t) => {
  const { settle, vars } = await openTurn(t, { TOKEN: 'x' });
  await settle([], { OTHER: 'x' });
  await assert.rejects(settle([], { OTHER: 'x', TOKEN: 'x' }), { code: 'secret_as_build_arg' });
  await assert.rejects(settle([{ name: 'MADE', kind: 'secret' }], { MADE: 'x' }), {
    code: 'secret_as_build_arg',
  });
  assert.match((await vars()).MADE ?? '', /^[0-9a-f]{64}$/);
});

test('what is read from outside is there before anything is built, and its place is told', async (t) => {
  const kept = { A: writeOutside({ env: 'KEY' }) };
  const { settle, said, vars } = await openTurn(t, kept);
  await settle([{ name: 'A', kind: 'required' }]);
  assert.deepEqual([said, await vars()], [['A comes from env KEY'], kept]);
  const gone = await openTurn(t, { B: writeOutside({ env: 'GONE' }) });
  await assert.rejects(gone.settle([]), { code: 'outside_missing', message: /^B is read from .* GONE/ });
});
