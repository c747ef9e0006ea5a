import type { EnvironmentConfig } from '../../config.ts';
import { Failure } from '../../failure.ts';
import type { Release } from '../../model/release.ts';

type Stage = Pick<EnvironmentConfig, 'name' | 'promoteFrom'>;

/** From one environment to another; what is not named is found where only one is possible. */
export type Route = { readonly from: string; readonly to: string };

/** Throws `environment_unknown`, `promote_not_allowed`, `promotion_not_clear`. Pure. */
export function choosePromotion(
  stages: readonly Stage[],
  asked: { readonly from: string | null; readonly to: string | null },
): Route {
  for (const name of [asked.from, asked.to]) refuseUnknown(name, stages);
  const routes = stages.flatMap(({ name, promoteFrom }) => promoteFrom.map((from) => ({ from, to: name })));
  const fitting = routes.filter(({ from, to }) => (asked.from ?? from) === from && (asked.to ?? to) === to);
  const [only, ...others] = fitting;
  if (only !== undefined && others.length === 0) return only;
  if (only === undefined) throw notAllowed(routes, asked);
  throw new Failure('promotion_not_clear', `There is more than one way: ${describeRoutes(fitting)}.`);
}

function refuseUnknown(name: string | null, stages: readonly Stage[]): void {
  if (name === null || stages.some((stage) => stage.name === name)) return;
  const known = stages.map((stage) => stage.name).join(', ');
  throw new Failure(
    'environment_unknown',
    `There is no environment ${JSON.stringify(name.slice(0, 80))} in deploy.config.json; there are: ${known}.`,
  );
}

function notAllowed(
  routes: readonly Route[],
  { from, to }: { readonly from: string | null; readonly to: string | null },
): Failure {
  const taken = routes.filter((route) => route.to === to);
  const what =
    to === null
      ? `Nothing is promoted${from === null ? '' : ` from ${from}`}`
      : from === null || taken.length === 0
        ? `${to} takes no promotions`
        : `${to} takes promotions from ${taken.map((route) => route.from).join(', ')}, not from ${from}`;
  const fix =
    taken.length > 0
      ? `hawser promote --from ${taken[0]?.from} --to ${to}`
      : `Add "promoteFrom": ${JSON.stringify(from ?? 'staging')} to environments.${to ?? 'production'} in deploy.config.json.`;
  return new Failure('promote_not_allowed', `${what} (there are: ${describeRoutes(routes)}).`, { fix });
}

function describeRoutes(routes: readonly Route[]): string {
  return routes.map(({ from, to }) => `${from} to ${to}`).join(', ') || 'none';
}

/** The environments of a file, each behind those that it takes promotions from. Pure. */
export function orderStages<T extends Stage>(stages: readonly T[]): readonly T[] {
  const ordered: T[] = [];
  const add = (stage: T): void => {
    if (ordered.includes(stage)) return;
    for (const name of stage.promoteFrom) {
      const before = stages.find((other) => other.name === name);
      if (before !== undefined) add(before);
    }
    ordered.push(stage);
  };
  for (const stage of stages) add(stage);
  return ordered;
}

type Variables = Readonly<Record<string, string>>;

/** Names of variables that only one side of a promotion has. Pure. */
export function compareNames(from: Variables, to: Variables): { missing: string[]; extra: string[] } {
  const only = (these: Variables, those: Variables) =>
    Object.keys(these)
      .filter((name) => !Object.hasOwn(those, name))
      .sort();
  return { missing: only(from, to), extra: only(to, from) };
}

/** Throws `config_key_missing`, with the command that mends it. Pure. */
export function refuseMissing(missing: readonly string[], app: string, { from, to }: Route): void {
  if (missing.length === 0) return;
  const values = missing.map((name) => `${name}=VALUE`).join(' ');
  throw new Failure('config_key_missing', `${to} lacks ${missing.join(', ')}, which ${from} has.`, {
    fix: `hawser config:set -a ${app} -e ${to} ${values}`,
  });
}

/** The same image of the same commit: another deploy of it would change nothing. Pure. */
export function isSameCode(
  one: Pick<Release, 'image' | 'commit'>,
  other: Pick<Release, 'image' | 'commit'>,
): boolean {
  return one.image.digest === other.image.digest && one.commit === other.commit;
}
