import { Failure } from '../failure.ts';
import type { ReceiveParts } from './examine-push.ts';
import { describeGitAct, toRefusal } from './git/audit.ts';
import { deployRef, keepCommit } from './keep-commit.ts';
import { type PushPlan, planTogether, type RefDecision, type RefUpdate, zeroOid } from './plan.ts';
import { oneLine } from './printable.ts';
import type { HookCall, Push, RefAnswer } from './push.ts';

type Print = (line: string) => void;
type DeployDecision = Extract<RefDecision, { kind: 'deploy' }>;
type Entry = PushPlan['updates'][number];
type Recorded = { readonly deployId: number; readonly commit: string };

/**
 * The proc-receive phase: the objects are in the repository. Every deploy is kept under a hidden ref and recorded,
 * both durably, before anything is followed; the answer of each ref is the truth about it.
 */
export async function recordPush(
  parts: ReceiveParts,
  push: Push,
  call: HookCall,
  print: Print,
): Promise<RefAnswer[]> {
  if (push.examined === null)
    throw new Failure('hook_refused', 'the push was not examined before it was recorded');
  const plan = call.atomic ? planTogether(push.examined.plan) : push.examined.plan;
  const entries = call.updates.map((update) => findEntry(plan, update));
  const answers = new Map<string, RefAnswer>();
  await refuseRefs(parts, push, entries, answers, print);
  await showPlans(parts, push, entries, answers, print);
  const recorded = await recordDeploys(parts, push, entries, answers, print);
  // An atomic push moves its other refs only once its one deploy is live.
  if (!call.atomic || recorded.size === 0) await moveRefs(parts, push, entries, answers, print);
  if (push.pid !== null) await parts.git.releasePacks(push.app.id, push.pid);
  push.onReceived();
  for (const [entry, deploy] of recorded)
    answers.set(entry.update.ref, await followRef(parts, push, entry, deploy, print));
  if (call.atomic && recorded.size > 0) await moveAfterDeploy(parts, push, entries, answers, print);
  return entries.map(({ update }) => answers.get(update.ref) ?? refused(update.ref, 'not decided'));
}

function findEntry(plan: PushPlan, update: RefUpdate): Entry {
  const entry = plan.updates.find(
    ({ update: planned }) =>
      planned.ref === update.ref && planned.new === update.new && planned.old === update.old,
  );
  if (entry !== undefined) return entry;
  throw new Failure('hook_refused', `${update.ref} was not examined before it was recorded`);
}

function refused(ref: string, reason: string): RefAnswer {
  return { ref, ok: false, reason: oneLine(reason) };
}

/** `error[code]: message` and `hint: fix`, once for each that differs. */
export function describeFailure(failure: { code: string; message: string; fix: string }): string[] {
  return [`error[${failure.code}]: ${failure.message}`, `hint: ${failure.fix}`];
}

/** What a push asks of one ref, for the audit log. */
function describeAct(push: Push, { ref, new: oid }: RefUpdate, env: string | null = null) {
  const what = oid === zeroOid ? 'deleted' : oid.slice(0, 12);
  const act = { action: 'git:push', app: push.app.name, env, object: `${ref} ${what}` };
  return describeGitAct(push.origin, whoOf(push), act);
}

export function whoOf({ actor, actorKind }: Push) {
  return { kind: actorKind, name: actor };
}

async function refuseRefs(
  { audit }: ReceiveParts,
  push: Push,
  entries: readonly Entry[],
  answers: Map<string, RefAnswer>,
  print: Print,
): Promise<void> {
  const said = new Set<string>();
  for (const { update, decision } of entries) {
    if (decision.kind !== 'refuse') continue;
    answers.set(update.ref, refused(update.ref, decision.message));
    await audit.note(describeAct(push, update), { outcome: 'refused', code: decision.code });
    if (said.has(decision.message)) continue;
    said.add(decision.message);
    const how = decision.fix === null ? {} : { fix: decision.fix };
    for (const line of describeFailure(new Failure(decision.code, decision.message, how))) print(line);
  }
}

/** `git push -o plan`: told, and then refused, so that nothing moves. */
async function showPlans(
  parts: ReceiveParts,
  push: Push,
  entries: readonly Entry[],
  answers: Map<string, RefAnswer>,
  print: Print,
): Promise<void> {
  for (const { update, decision } of entries) {
    if (decision.kind !== 'plan') continue;
    try {
      const what = await describeCommit(parts, push, update);
      for (const line of await parts.desk.planPush({ ...what, environment: decision.environment }))
        print(line);
      answers.set(update.ref, refused(update.ref, 'planned only, nothing was changed'));
    } catch (error) {
      answers.set(update.ref, explain(update.ref, error, print));
    }
  }
}

async function describeCommit({ git }: ReceiveParts, push: Push, update: RefUpdate) {
  const commit = push.examined?.commits[update.new] ?? update.new;
  const { author, message } = await git.readCommit(push.app.id, commit);
  return { app: push.app, actor: push.actor, ref: update.ref, commit, previous: update.old, author, message };
}

async function recordDeploys(
  parts: ReceiveParts,
  push: Push,
  entries: readonly Entry[],
  answers: Map<string, RefAnswer>,
  print: Print,
): Promise<Map<Entry, Recorded>> {
  const recorded = new Map<Entry, Recorded>();
  for (const entry of entries) {
    if (entry.decision.kind !== 'deploy') continue;
    try {
      const { update, decision } = entry;
      const record = () => recordDeploy(parts, push, update, decision, print);
      const act = describeAct(push, update, decision.environment);
      recorded.set(entry, await parts.audit.perform(act, record));
    } catch (error) {
      await parts.audit.note(describeAct(push, entry.update), toRefusal(error));
      answers.set(entry.update.ref, explain(entry.update.ref, error, print));
    }
  }
  return recorded;
}

async function recordDeploy(
  parts: ReceiveParts,
  push: Push,
  update: RefUpdate,
  decision: DeployDecision,
  print: Print,
): Promise<Recorded> {
  const { git, desk } = parts;
  const what = await describeCommit(parts, push, update);
  const { commit } = what;
  const reserved = await desk.reserveDeploy();
  const { environment, options } = decision;
  const kept = { appId: push.app.id, deployId: reserved, commit };
  const { deployId, attached } = await keepCommit(git, kept, () =>
    desk.recordDeploy({ ...what, deployId: reserved, environment, options }),
  );
  if (deployId !== reserved) await git.deleteRef(push.app.id, deployRef(reserved), commit);
  if (attached) print(`-----> Deploy ${deployId} brings the same commit already: attached to it`);
  return { deployId, commit };
}

/** A Failure is told to the pusher; anything else is a bug and goes up. */
function explain(ref: string, error: unknown, print: Print): RefAnswer {
  if (!(error instanceof Failure)) throw error;
  for (const line of describeFailure(error)) print(line);
  return refused(ref, error.message);
}

async function moveRefs(
  { git, desk, audit }: ReceiveParts,
  push: Push,
  entries: readonly Entry[],
  answers: Map<string, RefAnswer>,
  print: Print,
): Promise<void> {
  for (const { update, decision } of entries) {
    if (decision.kind !== 'move') continue;
    const { removes } = decision;
    try {
      await audit.perform(describeAct(push, update, removes), async () => {
        // The ledger knows first that a preview is to go, so that a kill leaves a branch and no preview behind.
        if (removes !== null) await desk.removePreview(push.app, removes, push.actor);
        await git.changeRefs(push.app.id, [toChange(update)]);
      });
      answers.set(update.ref, { ref: update.ref, ok: true });
    } catch (error) {
      await audit.note(describeAct(push, update), toRefusal(error));
      answers.set(update.ref, explain(update.ref, error, print));
    }
  }
}

function toChange(update: RefUpdate) {
  return { ref: update.ref, old: update.old, new: update.new === zeroOid ? null : update.new };
}

async function moveAfterDeploy(
  { git, audit }: ReceiveParts,
  push: Push,
  entries: readonly Entry[],
  answers: Map<string, RefAnswer>,
  print: Print,
): Promise<void> {
  const moves = entries.filter(({ decision }) => decision.kind === 'move').map(({ update }) => update);
  if (moves.length === 0) return;
  const failed = [...answers.values()].some((answer) => !answer.ok);
  try {
    if (!failed) await git.changeRefs(push.app.id, moves.map(toChange));
    for (const update of failed ? [] : moves)
      await audit.perform(describeAct(push, update), async () => undefined);
    for (const { ref } of moves)
      answers.set(ref, failed ? refused(ref, 'the deploy of the push is not live') : { ref, ok: true });
  } catch (error) {
    for (const { ref } of moves) answers.set(ref, explain(ref, error, print));
  }
}

async function followRef(
  { desk }: ReceiveParts,
  push: Push,
  { update, decision }: Entry,
  { deployId, commit }: Recorded,
  print: Print,
): Promise<RefAnswer> {
  const { ref } = update;
  if (decision.kind === 'deploy' && !decision.wait) {
    print(`=====> Deploy ${deployId} is queued; ${ref.replace(/^refs\/[^/]+\//, '')} moves when it is live`);
    print(`       hawser deploys:attach ${deployId} shows it`);
    return { ref, ok: true, stored: { ref: deployRef(deployId), new: commit } };
  }
  try {
    const { state, reason } = await desk.followDeploy(deployId, print, push.left.signal);
    return state === 'live'
      ? { ref, ok: true }
      : refused(ref, reason ?? `deploy ${deployId} ${state.replace('_', ' ')}`);
  } catch (error) {
    if (!push.left.signal.aborted) throw error;
    return refused(ref, `deploy ${deployId} goes on: hawser deploys:attach ${deployId}`);
  }
}
