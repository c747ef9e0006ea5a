import { randomBytes } from 'node:crypto';
import { Failure } from '../../failure.ts';
import type { Manifest } from '../../model/manifest.ts';
import { describeKept } from '../../model/outside-value.ts';
import { fillVariables } from '../../store/changes.ts';
import { findNewestValue } from '../../store/releases.ts';
import type { PipelineDrivers } from '../drivers.ts';
import type { Turn } from '../lanes/lane.ts';
import { readSettled } from './outside-values.ts';

const secretBytes = 32;

/**
 * What an app awaits of its environment is there before anything is built: secrets are made once, and a required
 * variable that nobody set, or that cannot be read from outside, ends the deploy. Throws `config_missing` with the
 * command that mends it, `secret_as_build_arg`, and what `readSettled` throws.
 */
export async function settleVariables(
  turn: Turn,
  { awaited, build }: Pick<Manifest, 'awaited' | 'build'>,
  { db, config }: Pick<PipelineDrivers, 'db' | 'config'>,
): Promise<void> {
  const { place, log } = turn;
  const secrets: Record<string, string> = {};
  for (const { name, kind } of awaited) {
    if (kind !== 'secret') continue;
    // A rollback may have taken it away; what is encrypted with it must stay readable.
    const kept = await findNewestValue(db, place.environment.id, name);
    secrets[name] = kept ?? randomBytes(secretBytes).toString('hex');
  }
  const { vars, filled } = await fillVariables(db, turn.deploy, secrets);
  await log.hideAnew();
  const { outside } = await readSettled(db, turn.deploy, config);
  for (const [name, kept] of Object.entries(outside)) log.detail(`${name} comes from ${describeKept(kept)}`);
  for (const name of filled) log.detail(`app.json: ${name} was made, as a secret`);
  refuseAsArgument(turn, Object.keys(build.args), vars);
  const missing = awaited.filter(({ name }) => !Object.hasOwn(vars, name));
  const required = missing.flatMap(({ name, kind }) => (kind === 'required' ? [name] : []));
  if (required.length > 0) throw toFailure(turn, required);
  for (const { name } of missing) log.warning(`app.json: ${name} is awaited and has no value`);
}

/** What is given to a build stays in its layers, for everybody who may pull the image. */
function refuseAsArgument(
  { place }: Turn,
  args: readonly string[],
  vars: Readonly<Record<string, string>>,
): void {
  const name = args.find((arg) => Object.hasOwn(vars, arg));
  if (name === undefined) return;
  const { app, environment } = place;
  throw new Failure(
    'secret_as_build_arg',
    `hawser.build.args of app.json has ${name}, which is a variable of ${app.name}/${environment.name}.`,
  );
}

function toFailure({ place }: Turn, names: readonly string[]): Failure {
  const { app, environment } = place;
  const verb = names.length === 1 ? 'is' : 'are';
  const words = names.map((name) => `${name}=…`).join(' ');
  return new Failure('config_missing', `${names.join(', ')} ${verb} required by app.json and not set.`, {
    fix: `hawser config:set -a ${app.name} -e ${environment.name} ${words}, then push again.`,
  });
}
