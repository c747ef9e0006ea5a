import { Failure } from '../../failure.ts';
import type { DeployOptions, SettingsChange } from '../../model/deploy.ts';
import type { SealPlace } from '../../model/seal.ts';
import { keyOf } from '../../secrets/seal.ts';
import type { Database } from '../database.ts';
import { sealOf } from './sealing-dialect.ts';

export type Values = Readonly<Record<string, string>>;

type DeployRow = { id: number; environment_id: string; options: string; sealed_by: number };
type ReleaseRow = {
  environment_id: string;
  version: number;
  config: string;
  defaults: string;
  sealed_by: number;
};

/** Variables as people set them: each is sealed by itself, so that one which is broken can be named. */
export function sealVariables(db: Database, environmentId: string, vars: Values): string {
  const seal = sealOf(db);
  const sealed = Object.entries(vars).map(([name, value]) => [
    name,
    seal.seal(value, variablePlace(environmentId, name)),
  ]);
  return JSON.stringify(Object.fromEntries(sealed));
}

/** Throws `secret_broken`; those of `without` are left out instead when they are. */
export function openVariables(
  db: Database,
  row: { environment_id: string; vars: string; sealed_by: number },
  without: readonly string[] = [],
): Values {
  const written: Values = JSON.parse(row.vars);
  if (row.sealed_by === 0) return written;
  const seal = sealOf(db);
  const opened = Object.entries(written).flatMap(([name, value]) => {
    const open = () => seal.open(value, variablePlace(row.environment_id, name));
    const text = without.includes(name) ? whenIntact(open) : open();
    return text === undefined ? [] : [[name, text] as const];
  });
  return Object.fromEntries(opened);
}

function variablePlace(environmentId: string, name: string): SealPlace {
  return { environmentId, what: `settings.vars.${name}`, version: 0 };
}

/** The columns of a release that hold values. */
export function sealRelease(
  db: Database,
  { environmentId, version }: { environmentId: string; version: number },
  { config, defaults }: { config: Values; defaults: Values },
): { config: string; defaults: string; sealed_by: number } {
  const seal = sealOf(db);
  const place = (what: string) => ({ environmentId, what, version });
  return {
    config: seal.seal(JSON.stringify(config), place('releases.config')),
    defaults: seal.seal(JSON.stringify(defaults), place('releases.defaults')),
    sealed_by: seal.current(),
  };
}

/** Opened when they are asked for: of most releases nobody asks. Each throws `secret_broken` then. */
export function openRelease(
  db: Database,
  row: ReleaseRow,
): { readonly config: Values; readonly defaults: Values } {
  const seal = sealOf(db);
  const open = (what: 'config' | 'defaults'): Values => {
    const place = { environmentId: row.environment_id, what: `releases.${what}`, version: row.version };
    return JSON.parse(row.sealed_by === 0 ? row[what] : seal.open(row[what], place));
  };
  return {
    get config() {
      return open('config');
    },
    get defaults() {
      return open('defaults');
    },
  };
}

/** What was asked for beside the commit, with the values of a change sealed. */
export function sealOptions(
  db: Database,
  deploy: { readonly id: number; readonly environmentId: string },
  options: DeployOptions,
): { options: string; sealed_by: number } {
  const seal = sealOf(db);
  const { change } = options;
  const vars = change && seal.seal(JSON.stringify(change.vars), optionsPlace(deploy));
  const text = JSON.stringify(change === undefined ? options : { ...options, change: { ...change, vars } });
  return { options: text, sealed_by: seal.current() };
}

/** The values of its change are opened when the change is asked for, which throws `secret_broken`. */
export function openOptions(db: Database, row: DeployRow): DeployOptions {
  const written: DeployOptions = JSON.parse(row.options);
  const { change } = written;
  if (row.sealed_by === 0 || change === undefined) return written;
  const seal = sealOf(db);
  return {
    ...written,
    get change(): SettingsChange {
      const place = optionsPlace({ id: row.id, environmentId: row.environment_id });
      const vars = seal.open(change.vars as unknown as string, place);
      return { ...change, vars: JSON.parse(vars) };
    },
  };
}

function optionsPlace({ id, environmentId }: { id: number; environmentId: string }): SealPlace {
  return { environmentId, what: 'deploys.options', version: id };
}

/** A text that is no variable: `what` names its column and row, whose it is with it. */
export function sealSecret(db: Database, what: string, text: string): string {
  return sealOf(db).seal(text, { environmentId: '', what, version: 0 });
}

/** Throws `secret_broken`. */
export function openSecret(db: Database, what: string, sealed: string): string {
  return sealOf(db).open(sealed, { environmentId: '', what, version: 0 });
}

/** The same under the newest data key. Throws `secret_broken`. */
export function resealSecret(db: Database, what: string, sealed: string): string {
  if (keyOf(sealed) === `k${sealOf(db).current()}`) return sealed;
  return sealSecret(db, what, openSecret(db, what, sealed));
}

/** Undefined for what does not open. */
export function whenIntact<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Failure && error.code === 'secret_broken') return undefined;
    throw error;
  }
}

/** Where the secrets of a webhook, a notification and a user belong. */
export const placeOf = {
  webhook: (row: { readonly id: string; readonly app_id: string }, column: string) =>
    `webhooks.${row.app_id}.${row.id}.${column}`,
  notification: (id: string, column: string) => `notifications.${id}.${column}`,
  user: (id: string, column: string) => `users.${id}.${column}`,
};
