import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Limits } from '../config.ts';
import { Failure } from '../failure.ts';
import type { Audit } from '../model/audit.ts';
import { examinePush, type ReceiveParts } from './examine-push.ts';
import { describeGitAct, type GitOrigin, toRefusal } from './git/audit.ts';
import type { EnteredApp } from './git/door.ts';
import type { Git } from './git/repositories.ts';
import {
  answerExamination,
  answerRecording,
  type HookLinks,
  hookLinksOf,
  openPrinter,
  readExamination,
  readRecording,
} from './hooks.ts';
import { printable } from './printable.ts';
import type { HookCall, Push, PushDesk, RefAnswer } from './push.ts';
import { describeFailure, recordPush, whoOf } from './record-push.ts';

export type ReceiveLog = {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
};

/** A push that git is about to receive. */
export type PushInFlight = {
  /** Answers the hooks of its git, which was started with the descriptors for them. */
  hear(child: ChildProcess): void;
  /** Nobody listens any more: following ends, what is recorded goes on. */
  leave(): void;
  /** The git of the push has ended. */
  end(): void;
};

export type NewPush = EnteredApp & { readonly origin: GitOrigin; readonly onReceived?: () => void };

/** Hears the hooks of all pushes in flight. */
export type Receiver = {
  begin(push: NewPush): PushInFlight;
  /** The reason why no push can be taken now, or null. */
  isFree(): Promise<Failure | null>;
  /** Folder for `core.hooksPath`. */
  readonly hooks: string;
  /** Who follows a deploy is let go; the hooks that answer in time end by themselves. */
  [Symbol.asyncDispose](): Promise<void>;
};

export type ReceiverOptions = {
  readonly git: Git;
  readonly audit: Audit;
  readonly desk: PushDesk;
  readonly limits: Limits;
  /** Whether a branch that deploys may lose commits. */
  readonly allowForce: boolean;
  readonly log: ReceiveLog;
};

const hooks = join(import.meta.dirname, '..', '..', 'hooks');
const lettingGoMs = 2_000;

export function openReceiver(options: ReceiverOptions): Receiver {
  /** Each with what cuts it off. */
  const pushes = new Map<Push, () => void>();
  return {
    hooks,
    isFree: () => options.desk.isFree(),
    begin: (push) => beginPush(pushes, options, push),
    async [Symbol.asyncDispose]() {
      for (const push of pushes.keys()) push.left.abort();
      const deadline = performance.now() + lettingGoMs;
      while (pushes.size > 0 && performance.now() < deadline) await pause(20);
      for (const cut of pushes.values()) cut();
    },
  };
}

function beginPush(
  pushes: Map<Push, () => void>,
  options: ReceiverOptions,
  { onReceived = () => undefined, ...entered }: NewPush,
): PushInFlight {
  const left = new AbortController();
  const push: Push = {
    ...entered,
    id: randomBytes(12).toString('hex'),
    left,
    onReceived,
    pid: null,
    examined: null,
  };
  return {
    hear(child) {
      const links = hookLinksOf(child);
      push.pid = child.pid ?? null;
      const all = [links.words, links.refs];
      const cut = () => {
        for (const link of all) link.destroy();
      };
      pushes.set(push, cut);
      // A hook that is gone is seen by its push: nothing is left to tell it.
      for (const link of all) link.on('error', cut);
      // What a git leaves behind may hold its end of them for longer.
      child.once('exit', () => {
        left.abort();
        pushes.delete(push);
        cut();
      });
      answerHooks(links, options, push).catch((error) => {
        // Of a git that has ended nothing can be read any more.
        if (!left.signal.aborted) options.log.error({ err: error }, 'a hook could not be answered');
        cut();
      });
    },
    leave: () => left.abort(),
    end() {
      left.abort();
      pushes.delete(push);
    },
  };
}

/** One after the other; the second is not there when the first refused. */
async function answerHooks(links: HookLinks, options: ReceiverOptions, push: Push): Promise<void> {
  const examination = await readExamination(links.words);
  if (examination === null) return;
  const { accept = false } = await answerPhase(options, push, examination, openPrinter(links.words, ' '));
  answerExamination(links.words, accept);
  const recording = accept ? await readRecording(links.refs) : null;
  if (recording === null) return;
  const { refs = [] } = await answerPhase(options, push, recording, openPrinter(links.words, ''));
  answerRecording(links, refs);
}

async function answerPhase(
  options: ReceiverOptions,
  push: Push,
  call: HookCall,
  print: (line: string) => void,
): Promise<{ accept?: boolean; refs?: RefAnswer[] }> {
  const parts: ReceiveParts = options;
  try {
    if (call.phase === 'proc-receive') return { refs: await recordPush(parts, push, call, print) };
    await examinePush(parts, push, call, (text) => print(` !     ${text}`));
    return { accept: true };
  } catch (error) {
    const act = describeGitAct(push.origin, whoOf(push), { action: 'git:push', app: push.app.name });
    await options.audit.note(act, toRefusal(error));
    const lines = error instanceof Failure ? describeFailure(error) : describeBug(options.log, push, error);
    for (const line of lines) print(line);
    if (call.phase === 'pre-receive') return { accept: false };
    const reason = error instanceof Failure ? error.message : 'internal error';
    return {
      refs: call.updates.map(({ ref }) => ({ ref, ok: false, reason: printable(reason).slice(0, 200) })),
    };
  }
}

function describeBug(log: ReceiveLog, push: Push, error: unknown): string[] {
  log.error({ err: error, push: push.id, app: push.app.name }, 'a push failed by a bug');
  return [`error[internal]: something is wrong in the server; its log has it under ${push.id}`];
}
