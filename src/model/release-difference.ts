import type { Process, Release } from './release.ts';

export type VariableDifference = {
  readonly name: string;
  readonly change: 'added' | 'removed' | 'changed';
};

/** Quantities are null for one on every server. */
export type ProcessDifference = {
  readonly type: string;
  readonly change: 'added' | 'removed' | 'scaled' | 'command';
  readonly from: number | null;
  readonly to: number | null;
};

/** What is other in one release than in another; of variables only the names, since values may be secrets. */
export type ReleaseDifference = {
  readonly vars: readonly VariableDifference[];
  readonly processes: readonly ProcessDifference[];
  readonly image: boolean;
  readonly commit: { readonly from: string | null; readonly to: string | null } | null;
  readonly domains: { readonly added: readonly string[]; readonly removed: readonly string[] };
};

type Compared = Pick<Release, 'config' | 'processes' | 'image' | 'domains' | 'commit'>;

/** The difference from one release to another; everything is new when there is none before. */
export function diffReleases(before: Compared | null, after: Compared): ReleaseDifference {
  const from = before?.commit ?? null;
  return {
    vars: diffVariables(before?.config ?? {}, after.config),
    processes: diffProcesses(before?.processes ?? [], after.processes),
    image: before?.image.digest !== after.image.digest,
    commit: from === after.commit ? null : { from, to: after.commit },
    domains: diffNames(before?.domains ?? [], after.domains),
  };
}

type Variables = Readonly<Record<string, string>>;

/** Which variables came, went or have another value, by name. */
export function diffVariables(before: Variables, after: Variables): readonly VariableDifference[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names.flatMap((name): VariableDifference[] => {
    if (!Object.hasOwn(before, name)) return [{ name, change: 'added' }];
    if (!Object.hasOwn(after, name)) return [{ name, change: 'removed' }];
    return before[name] === after[name] ? [] : [{ name, change: 'changed' }];
  });
}

function diffProcesses(before: readonly Process[], after: readonly Process[]): readonly ProcessDifference[] {
  const types = [...new Set([...before, ...after].map((process) => process.type))].sort();
  return types.flatMap((type) => {
    const was = before.find((process) => process.type === type);
    const is = after.find((process) => process.type === type);
    const change = nameChange(was, is);
    return change === null ? [] : [{ type, change, from: was?.quantity ?? null, to: is?.quantity ?? null }];
  });
}

function nameChange(was: Process | undefined, is: Process | undefined): ProcessDifference['change'] | null {
  if (was === undefined) return 'added';
  if (is === undefined) return 'removed';
  if (was.quantity !== is.quantity) return 'scaled';
  return JSON.stringify(was.command) === JSON.stringify(is.command) ? null : 'command';
}

function diffNames(before: readonly string[], after: readonly string[]): ReleaseDifference['domains'] {
  return {
    added: after.filter((name) => !before.includes(name)),
    removed: before.filter((name) => !after.includes(name)),
  };
}

/** True when nothing is other. */
export function isSame({ vars, processes, image, commit, domains }: ReleaseDifference): boolean {
  const named = vars.length + processes.length + domains.added.length + domains.removed.length;
  return named === 0 && !image && commit === null;
}

const marks = { added: '+', removed: '-', changed: '~' } as const;

/** `+A, ~B, -C`. */
export function describeVariables(vars: readonly VariableDifference[]): string {
  return vars.map(({ name, change }) => `${marks[change]}${name}`).join(', ');
}

/** A line for each kind of thing that is other, for people; none when nothing is. */
export function describeDifference(difference: ReleaseDifference): string[] {
  const { vars, processes, image, commit, domains } = difference;
  const domainMarks = [
    ...domains.added.map((name) => `+${name}`),
    ...domains.removed.map((name) => `-${name}`),
  ];
  return [
    ...(commit === null ? [] : [`commit: ${short(commit.from)} -> ${short(commit.to)}`]),
    ...(image && commit === null ? ['image: another one of the same commit'] : []),
    ...(vars.length === 0 ? [] : [`config: ${describeVariables(vars)}`]),
    ...processes.map(describeProcess),
    ...(domainMarks.length === 0 ? [] : [`domains: ${domainMarks.join(', ')}`]),
  ];
}

function describeProcess({ type, change, from, to }: ProcessDifference): string {
  if (change === 'command') return `process ${type}: another command`;
  if (change === 'added') return `process ${type}: new, ${quantity(to)}`;
  if (change === 'removed') return `process ${type}: gone`;
  return `process ${type}: ${quantity(from)} -> ${quantity(to)}`;
}

function quantity(count: number | null): string {
  return count === null ? 'one on every server' : String(count);
}

function short(commit: string | null): string {
  return commit === null ? 'none' : commit.slice(0, 7);
}
