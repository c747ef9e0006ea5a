import type { EnvironmentConfig, PreviewConfig } from '../config.ts';
import type { FailureCode } from '../failure-catalogue.ts';
import type { DeployOptions } from '../model/deploy.ts';
import { previewName } from '../model/names.ts';
import { quoteValue } from './printable.ts';
import type { MayPush } from './push.ts';
import { type PushOptions, parsePushOptions } from './push-options.ts';

/** One line of what a push asks: a ref and the objects it goes from and to; 40 zeros mean none. */
export type RefUpdate = { readonly ref: string; readonly old: string; readonly new: string };

/** What the repository says of an update. */
export type RefFacts = { readonly isFastForward: boolean; readonly commitExists: boolean };

export type RefDecision =
  | {
      readonly kind: 'deploy';
      readonly environment: string;
      readonly options: DeployOptions;
      readonly wait: boolean;
    }
  /** `removes` is the preview that goes with its branch. */
  | { readonly kind: 'move'; readonly removes: string | null }
  | { readonly kind: 'plan'; readonly environment: string }
  | {
      readonly kind: 'refuse';
      readonly code: FailureCode;
      readonly message: string;
      readonly fix: string | null;
    };

export type PushPlan = {
  readonly updates: readonly { readonly update: RefUpdate; readonly decision: RefDecision }[];
};

type PushQuestion = {
  readonly updates: readonly RefUpdate[];
  readonly options: readonly string[];
  readonly environments: readonly EnvironmentConfig[];
  readonly previews: PreviewConfig | null;
  readonly facts: Readonly<Record<string, RefFacts>>;
  readonly allowForce: boolean;
  readonly limits: { readonly refs: number };
  readonly mayPush: MayPush;
};

type Refusal = Extract<RefDecision, { kind: 'refuse' }>;
type Taken = {
  kind: 'branch' | 'tag';
  name: string;
  environment: { readonly name: string } | null;
  isPreview: boolean;
};

export const zeroOid = '0'.repeat(40);

/** What becomes of every ref of a push: deployed, moved without a deploy, or refused with its reason. */
export function planPush(question: PushQuestion): PushPlan {
  const options = parsePushOptions(question.options);
  const refuseAll = refuseWhole(question, options);
  const updates = question.updates.map((update) => ({
    update,
    decision: refuseAll ?? decide(update, options as PushOptions, question),
  }));
  return { updates };
}

function refuseWhole(question: PushQuestion, options: ReturnType<typeof parsePushOptions>): Refusal | null {
  const { updates, limits } = question;
  if (updates.length > limits.refs) {
    return refuse('too_many_refs', `${updates.length} refs in one push (limit ${limits.refs})`);
  }
  return 'mistake' in options ? refuse('unknown_push_option', options.mistake) : null;
}

function decide(update: RefUpdate, options: PushOptions, question: PushQuestion): RefDecision {
  const taken = findEnvironment(update.ref, question);
  if (taken === null) {
    return refuse(
      'ref_not_allowed',
      `${quoteValue(update.ref)}: only refs/heads/* and refs/tags/* can be pushed`,
    );
  }
  // A branch is what its environment deploys, whatever is meant by this push.
  const forbidden = refuseForbidden([taken.environment?.name, options.environment], question);
  if (forbidden !== null) return forbidden;
  if (update.new === zeroOid) return decideDeletion(taken);
  const forced = refuseForce(update, taken, question);
  if (forced !== null) return forced;
  if (options.skip) return { kind: 'move', removes: null };
  return decideDeploy(update, taken, options, question);
}

function refuseForbidden(
  wanted: readonly (string | null | undefined)[],
  { environments, mayPush }: PushQuestion,
): Refusal | null {
  // One that does not exist is refused for that.
  const known = (name: string) => environments.some((environment) => environment.name === name);
  const forbidden = wanted.find((name, at) => name != null && (at === 0 || known(name)) && !mayPush(name));
  if (forbidden == null) return null;
  return refuse('not_allowed', `you may not push to ${forbidden}: that needs the right "push" there`);
}

function decideDeletion({ kind, name, environment, isPreview }: Taken): RefDecision {
  if (isPreview && environment !== null) return { kind: 'move', removes: environment.name };
  if (kind === 'tag' || environment === null) return { kind: 'move', removes: null };
  return refuse(
    'branch_in_use',
    `${quoteValue(name)} is what ${environment.name} deploys; it is not deleted`,
  );
}

function refuseForce(update: RefUpdate, taken: Taken, question: PushQuestion): Refusal | null {
  // The branch of a preview is one person's work in progress: it may be written anew.
  if (taken.environment === null || taken.isPreview || question.allowForce) return null;
  if (question.facts[update.ref]?.isFastForward !== false) return null;
  return refuse(
    'force_not_allowed',
    `${quoteValue(taken.name)} deploys to ${taken.environment.name} and would lose commits that it has`,
    `git pull --rebase REMOTE ${quoteWord(taken.name)}, then push again.`,
  );
}

function decideDeploy(
  update: RefUpdate,
  taken: Taken,
  options: PushOptions,
  question: PushQuestion,
): RefDecision {
  const { environments } = question;
  const named = environments.find((environment) => environment.name === options.environment);
  if (named !== undefined && isPromotedOnly(named)) return refusePromoted(named);
  const chosen = options.environment === null ? taken.environment : (named ?? null);
  if (chosen === null && options.environment !== null)
    return refuseEnvironment(options.environment, environments);
  if (chosen === null) return refuseUntaken(taken, environments);
  if (question.facts[update.ref]?.commitExists === false) {
    return refuse('not_a_commit', `${quoteValue(taken.name)} does not point to a commit`);
  }
  if (options.plan) return { kind: 'plan', environment: chosen.name };
  return { kind: 'deploy', environment: chosen.name, options: options.deploy, wait: options.wait };
}

function refuseEnvironment(name: string, environments: readonly EnvironmentConfig[]): Refusal {
  const known = environments.map((environment) => environment.name).join(', ');
  return refuse(
    'environment_not_found',
    `there is no environment ${quoteValue(name)}; there is: ${known || 'none'}`,
  );
}

/** An environment without branches and tags of its own takes what another one proved, and nothing else. */
function isPromotedOnly({ branches, tags, promoteFrom }: EnvironmentConfig): boolean {
  return promoteFrom.length > 0 && branches.length === 0 && tags.length === 0;
}

function refusePromoted(environment: EnvironmentConfig): Refusal {
  const { name, promoteFrom } = environment;
  return refuse(
    'promotion_only',
    `${name} takes no pushes, only promotions from ${promoteFrom.join(', ')}`,
    promoteCommand(environment),
  );
}

function promoteCommand({ name, promoteFrom }: EnvironmentConfig): string {
  return `hawser promote --from ${promoteFrom[0]} --to ${name}`;
}

function refuseUntaken({ kind, name }: Taken, environments: readonly EnvironmentConfig[]): Refusal {
  const key = kind === 'branch' ? 'branches' : 'tags';
  const deploying = environments.flatMap((environment) =>
    environment[key].map((pattern) => `${pattern} to ${environment.name}`),
  );
  const message = `${kind} ${quoteValue(name)} does not deploy (deploying: ${deploying.join(', ') || 'none'})`;
  return refuse(
    kind === 'branch' ? 'branch_not_deployed' : 'tag_not_deployed',
    message,
    suggestCommand(kind, name, environments),
  );
}

/** The command that would have worked for this very ref. */
function suggestCommand(
  kind: 'branch' | 'tag',
  name: string,
  environments: readonly EnvironmentConfig[],
): string | null {
  const source = quoteWord(name);
  const promoted = environments.find(
    (environment) => environment.name === name && isPromotedOnly(environment),
  );
  if (promoted !== undefined) return promoteCommand(promoted);
  for (const environment of environments) {
    const target = environment.branches.find((pattern) => !pattern.includes('*'));
    if (kind === 'branch' && target !== undefined) {
      return `git push REMOTE ${source}:${quoteWord(target)}, or git push -o env=${environment.name} REMOTE ${source}`;
    }
  }
  const first = environments.find((environment) => !isPromotedOnly(environment));
  return first === undefined ? null : `git push -o env=${first.name} REMOTE ${source}`;
}

/** The environment that a ref brings to life; an exact name wins over a pattern. Null for a ref that is never taken. */
function findEnvironment(
  ref: string,
  { environments, previews }: Pick<PushQuestion, 'environments' | 'previews'>,
): Taken | null {
  const match = /^refs\/(heads|tags)\/(.+)$/s.exec(ref);
  if (match === null) return null;
  const kind = match[1] === 'heads' ? 'branch' : 'tag';
  const name = match[2] ?? '';
  const patterns = (environment: EnvironmentConfig) =>
    kind === 'branch' ? environment.branches : environment.tags;
  const environment =
    environments.find((candidate) => patterns(candidate).includes(name)) ??
    environments.find((candidate) => patterns(candidate).some((pattern) => matchesPattern(name, pattern)));
  if (environment !== undefined) return { kind, name, environment, isPreview: false };
  const isPreview =
    kind === 'branch' && (previews?.branches.some((pattern) => matchesPattern(name, pattern)) ?? false);
  return { kind, name, environment: isPreview ? { name: previewName(name) } : null, isPreview };
}

/** Whether a ref brings some environment or a preview to life. */
export function isTaken(ref: string, known: Pick<PushQuestion, 'environments' | 'previews'>): boolean {
  return (findEnvironment(ref, known)?.environment ?? null) !== null;
}

/** `*` stands for anything but a slash, `**` for anything. The time it takes is that of reading both once per star. */
export function matchesPattern(name: string, pattern: string): boolean {
  // Every place in the name that the pattern can have come to so far.
  let places = new Set([0]);
  for (const part of pattern.split(/(\*+)/).filter((text) => text !== '')) {
    places = part.startsWith('*') ? passStar(name, part, places) : passText(name, part, places);
  }
  return places.has(name.length);
}

function passText(name: string, text: string, places: ReadonlySet<number>): Set<number> {
  return new Set(
    [...places].filter((place) => name.startsWith(text, place)).map((place) => place + text.length),
  );
}

function passStar(name: string, star: string, places: ReadonlySet<number>): Set<number> {
  const next = new Set<number>();
  for (const place of places) {
    for (let end = place; end <= name.length && !next.has(end); end += 1) {
      next.add(end);
      if (star === '*' && name[end] === '/') break;
    }
  }
  return next;
}

/** `git push --atomic`: one refused ref refuses all, and only one deploy can be promised at a time. */
export function planTogether({ updates }: PushPlan): PushPlan {
  const bad = updates.find(({ decision }) => decision.kind === 'refuse');
  const deploys = updates.filter(({ decision }) => decision.kind === 'deploy');
  if (bad === undefined && deploys.length < 2) return { updates };
  const whole =
    bad === undefined
      ? refuse('atomic_deploys', `an atomic push can bring one deploy, not ${deploys.length}`)
      : refuse('atomic_refused', `the push is atomic and ${quoteValue(bad.update.ref)} was refused`);
  return {
    updates: updates.map((entry) =>
      entry.decision.kind === 'refuse' ? entry : { ...entry, decision: whole },
    ),
  };
}

function refuse(code: FailureCode, message: string, fix: string | null = null): Refusal {
  return { kind: 'refuse', code, message, fix };
}

/** A word that a person can paste into a shell as it is. */
function quoteWord(word: string): string {
  return /^[\w./@+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
