import { readOutsideVariables } from '../../config/outside-variable.ts';
import type { Config } from '../../config.ts';
import { Failure } from '../../failure.ts';
import type { Deploy } from '../../model/deploy.ts';
import { listOutside } from '../../model/outside-value.ts';
import type { Desired } from '../../model/settings-change.ts';
import { findTotalFault } from '../../model/variables.ts';
import { readDesiredAt } from '../../store/changes.ts';
import type { Database } from '../../store/database.ts';

/** What a release is made with: all values, and where those from outside were read. */
export type Settled = { readonly desired: Desired; readonly outside: Readonly<Record<string, string>> };

/**
 * What people set for a deploy, with what is read from outside as it is now. Throws `outside_not_allowed`,
 * `outside_missing` and `variables_too_large`.
 */
export async function readSettled(
  db: Database,
  deploy: Pick<Deploy, 'id' | 'environmentId'>,
  { secrets }: Pick<Config, 'secrets'>,
): Promise<Settled> {
  const desired = await readDesiredAt(db, deploy);
  const outside = listOutside(desired.vars);
  const vars = readOutsideVariables(desired.vars, secrets.outside);
  const fault = findTotalFault(vars);
  if (fault !== undefined) throw new Failure('variables_too_large', `With those from outside ${fault}.`);
  return { desired: { ...desired, vars }, outside };
}
