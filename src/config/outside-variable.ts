import { existsSync, realpathSync } from 'node:fs';
import { isAbsolute, normalize, sep } from 'node:path';
import type { OutsideConfig } from '../config.ts';
import { Failure } from '../failure.ts';
import { type OutsideValue, readOutside } from '../model/outside-value.ts';
import { explain, readSecretFile } from './outside.ts';

const howToAllow = {
  file: 'Put it below a folder of "secrets.outside.folders" in deploy.config.json, then hawser apply.',
  env: 'Name it in "secrets.outside.variables" of deploy.config.json, then start Hawser anew with it.',
};

/** Throws `outside_not_allowed` for what deploy.config.json does not name. */
export function refuseForbiddenOutside(from: OutsideValue, allowed: OutsideConfig): void {
  if ('env' in from) {
    if (allowed.names.includes(from.env)) return;
    throw new Failure(
      'outside_not_allowed',
      `Variables of apps are not read from ${from.env} of Hawser's environment.`,
      { fix: howToAllow.env },
    );
  }
  const { file } = from;
  const isPlain = isAbsolute(file) && normalize(file) === file && !/\p{Cc}/u.test(file);
  if (isPlain && allowed.folders.some((folder) => isBelow(file, folder))) return;
  throw new Failure('outside_not_allowed', `Variables of apps are not read from ${JSON.stringify(file)}.`, {
    fix: howToAllow.file,
  });
}

/**
 * The variables with the values that are read from outside, as they are now. Throws `outside_not_allowed` and
 * `outside_missing`, which name the variable and the place, never a value.
 */
export function readOutsideVariables(
  vars: Readonly<Record<string, string>>,
  allowed: OutsideConfig,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(vars).map(([name, value]) => {
      const from = readOutside(value);
      return [name, from === undefined ? value : readValue(name, from, allowed)];
    }),
  );
}

function readValue(name: string, from: OutsideValue, allowed: OutsideConfig): string {
  refuseForbiddenOutside(from, allowed);
  const value = 'env' in from ? readVariable(name, from.env, allowed) : readFile(name, from.file, allowed);
  if (value.includes('\0')) throw missing(name, from, 'it has a NUL in it, which no process can be given');
  return value;
}

function readVariable(name: string, variable: string, { variables }: OutsideConfig): string {
  const value = Object.hasOwn(variables, variable) ? variables[variable] : undefined;
  if (value !== undefined) return value;
  throw missing(name, { env: variable }, "it is not set in Hawser's environment");
}

function readFile(name: string, file: string, { folders }: OutsideConfig): string {
  try {
    // A link must not lead out of the folders, wherever on the way it is.
    const real = realpathSync(file);
    if (
      !folders.filter((folder) => existsSync(folder)).some((folder) => isBelow(real, realpathSync(folder)))
    ) {
      throw new Error('it is a link that leads out of its folder');
    }
    return readSecretFile(real);
  } catch (error) {
    throw missing(name, { file }, explain(error), error);
  }
}

function missing(name: string, from: OutsideValue, why: string, cause?: unknown): Failure {
  const place = 'env' in from ? `the environment variable ${from.env}` : `the file ${from.file}`;
  const fix =
    'env' in from
      ? `Start Hawser with ${from.env} in its environment, or set the value: hawser config:set ${name}=…`
      : `Put the value into ${from.file} on the control machine (mode 0600), or set it: hawser config:set ${name}=…`;
  return new Failure('outside_missing', `${name} is read from ${place}: ${why}.`, { fix, cause });
}

function isBelow(file: string, folder: string): boolean {
  return file.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`);
}
