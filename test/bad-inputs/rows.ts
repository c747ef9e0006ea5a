import { rowsOfApi } from './rows-of-api.ts';
import { rowsOfApps } from './rows-of-apps.ts';
import { rowsOfPushes } from './rows-of-pushes.ts';

/** By which a bad input can come in. */
export type Door = 'http' | 'ssh' | 'api' | 'cli' | 'manifest' | 'config' | 'app' | 'server' | 'disk';

/**
 * Where it is shown what becomes of a row: `cases` has it in the tables of this folder, which the suites run; otherwise
 * `file: words`, a test file below test/ with a title, or the name of a row of a table, that stands in it.
 */
export type Shown = string;

export type BadInput = {
  /** A number that stays, after the part of the product that meets it. */
  readonly row: string;
  readonly what: string;
  readonly doors: readonly Door[];
  /** The code that answers it, or what becomes of it. */
  readonly answer: string;
  readonly shown: readonly Shown[];
};

/** `[row, what, doors, answer, ...shown]`, as the tables are written. */
export type Line = readonly [row: string, what: string, doors: string, answer: string, ...shown: Shown[]];

export const badInputs: readonly BadInput[] = [...rowsOfPushes, ...rowsOfApi, ...rowsOfApps].map(
  ([row, what, doors, answer, ...shown]) => ({ row, what, doors: doors.split(' ') as Door[], answer, shown }),
);

/** What no part of the product answers yet, as the part that would is not there: nothing takes such an input. */
export const notThere: Readonly<Record<string, string>> = {
  'names-92': 'secrets are variables: there is one name space',
};
