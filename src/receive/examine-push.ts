import { join, resolve } from 'node:path';
import type { Limits } from '../config.ts';
import { Failure } from '../failure.ts';
import type { Audit } from '../model/audit.ts';
import type { Git } from './git/repositories.ts';
import type { ObjectReader } from './object-reader.ts';
import { planPush, type RefFacts, type RefUpdate, zeroOid } from './plan.ts';
import type { HookCall, Push, PushDesk } from './push.ts';
import { checkTree } from './tree-check.ts';

export type ReceiveParts = {
  readonly audit: Audit;
  readonly git: Git;
  readonly desk: PushDesk;
  readonly limits: Limits;
  readonly allowForce: boolean;
};

/**
 * The pre-receive phase: what the push would bring is still in quarantine. Throws the Failure that keeps all of it out;
 * refs that are refused one by one are in the plan that it leaves in the push.
 */
export async function examinePush(
  { git, desk, limits, allowForce }: ReceiveParts,
  push: Push,
  call: HookCall,
  warn: (text: string) => void,
): Promise<void> {
  if (call.total > limits.refs) {
    throw new Failure('too_many_refs', `${call.total} refs in one push (limit ${limits.refs})`);
  }
  const env = pickQuarantine(git.path(push.app.id), call.quarantine);
  await using reader = git.openReader(push.app.id, env);
  const commits = await peelCommits(reader, call.updates);
  const facts = await gatherFacts(git, push.app.id, call.updates, commits, env);
  const environments = desk.environments(push.app);
  const plan = planPush({
    updates: call.updates,
    options: call.options,
    environments,
    previews: desk.previews(),
    facts,
    allowForce,
    limits,
    mayPush: push.mayPush,
  });
  const accepted = plan.updates.filter(({ decision }) => decision.kind !== 'refuse');
  const tips = new Set(accepted.flatMap(({ update }) => commits[update.new] ?? []));
  const warnings = new Set<string>();
  for (const tip of tips) for (const warning of await checkTree(reader, tip, limits)) warnings.add(warning);
  for (const warning of warnings) warn(warning);
  push.examined = { plan, commits };
}

/** Relative to the repository as its hooks see it, and only when it stays inside of it. */
function pickQuarantine(repository: string, directory: string): Record<string, string> {
  const objects = join(repository, 'objects');
  if (directory === '') return {};
  const quarantine = resolve(repository, directory);
  if (!quarantine.startsWith(`${objects}/tmp_objdir-`)) {
    throw new Failure('hook_refused', 'the quarantine of the push is not in its repository');
  }
  return { GIT_OBJECT_DIRECTORY: quarantine, GIT_ALTERNATE_OBJECT_DIRECTORIES: objects };
}

/** New object to the commit that it is or, for a tag, leads to; what leads to none is left out. */
async function peelCommits(
  reader: ObjectReader,
  updates: readonly RefUpdate[],
): Promise<Record<string, string>> {
  const wanted = [...new Set(updates.map((update) => update.new))].filter((oid) => oid !== zeroOid);
  const found = await reader.inspect(wanted.map((oid) => `${oid}^{commit}`));
  const pairs = wanted.map((oid, index) => [oid, found[index]?.oid] as const);
  return Object.fromEntries(pairs.filter((pair): pair is [string, string] => pair[1] !== undefined));
}

async function gatherFacts(
  git: Git,
  id: string,
  updates: readonly RefUpdate[],
  commits: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string>>,
): Promise<Record<string, RefFacts>> {
  const facts: Record<string, RefFacts> = Object.create(null);
  for (const update of updates) {
    const commit = commits[update.new];
    const grows = update.old === zeroOid || commit === undefined;
    const isFastForward = grows || (await git.isAncestor(id, update.old, commit, env));
    facts[update.ref] = { isFastForward, commitExists: commit !== undefined };
  }
  return facts;
}
