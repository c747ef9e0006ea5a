import { isPreviewName } from '../model/names.ts';
import { type Mistake, nearest } from './mistakes.ts';

type Environment = {
  readonly name: string;
  readonly promoteFrom: readonly string[];
  readonly branches: readonly string[];
};

/** Where a promotion would come from nowhere, or from where it goes to. Pure. */
export function listPromoteMistakes(environments: readonly Environment[]): Mistake[] {
  const from = new Map(environments.map((environment) => [environment.name, environment.promoteFrom]));
  return environments.flatMap(({ name, promoteFrom }): Mistake[] => {
    const path = ['environments', name, 'promoteFrom'];
    const unknown = promoteFrom.filter((each) => !from.has(each));
    if (unknown.length > 0) return unknown.map((word) => describeUnknown(path, word, [...from.keys()]));
    const circle = findCircle([name], from);
    return circle ? [{ path, message: `goes round in a circle: ${circle.join(' → ')}` }] : [];
  });
}

/** The way back to where a walk began, if there is one. */
function findCircle(
  walked: readonly string[],
  from: ReadonlyMap<string, readonly string[]>,
): readonly string[] | undefined {
  for (const next of from.get(walked.at(-1) ?? '') ?? []) {
    if (next === walked[0]) return [...walked, next];
    const circle = walked.includes(next) ? undefined : findCircle([...walked, next], from);
    if (circle) return circle;
  }
  return undefined;
}

/** Previews take branches that nothing else takes, and names that nothing else has. Pure. */
export function listPreviewMistakes(previews: unknown, environments: readonly Environment[]): Mistake[] {
  const reserved = environments
    .filter(({ name }) => isPreviewName(name))
    .map(({ name }) => ({
      path: ['environments', name],
      message: 'the name belongs to previews; choose one that does not begin with "preview-"',
    }));
  if (typeof previews !== 'object' || previews === null) return reserved;
  const {
    like = 'production',
    configFrom = like,
    branches = 'preview/*',
  } = previews as Record<string, unknown>;
  const names = environments.map(({ name }) => name);
  const unknown = Object.entries({ like, configFrom })
    .filter(([key]) => key in previews || key === 'like')
    .flatMap(([key, word]) =>
      typeof word !== 'string' || names.includes(word)
        ? []
        : [describeUnknown(['previews', key], word, names)],
    );
  const patterns = Array.isArray(branches) ? branches : [branches];
  const taken = patterns.flatMap((pattern) =>
    environments
      .filter((environment) => environment.branches.includes(pattern))
      .map(({ name }) => ({
        path: ['previews', 'branches'],
        message: `"${pattern}" already deploys to "${name}"`,
      })),
  );
  return [...reserved, ...unknown, ...taken];
}

function describeUnknown(path: readonly string[], word: string, known: readonly string[]): Mistake {
  const hint = nearest(word, known) ?? `there are: ${known.join(', ')}`;
  return { path: [...path], message: `unknown environment "${word}"`, hint };
}
