import type { EventEmitter } from 'node:events';
import type { Limits } from '../../config.ts';
import { Failure } from '../../failure.ts';
import type { Actor } from '../../model/access.ts';
import type { Audit } from '../../model/audit.ts';
import { describeGitAct, type GitOrigin, toRefusal } from '../git/audit.ts';
import type { GitDoor } from '../git/door.ts';
import { readProtocol } from '../git/request.ts';
import { type GitRuns, planIntake } from '../git/runs.ts';
import type { ReceiveLog } from '../perform.ts';
import { openSlots, type Slots } from '../slots.ts';
import { type ChannelWriter, openWriter, type ServerChannel, serializeFailure } from './channel.ts';
import { performCommand, type SshCommands } from './command.ts';
import { performSshExchange } from './git.ts';
import type { Line } from './line.ts';
import { type PaceLimits, paceLimits } from './pace.ts';
import { type OpenWindow, openWindow, type SshWindow, type WindowInfo } from './window.ts';
import { type Asked, parseAsked } from './words.ts';

export type SessionOptions = {
  readonly door: GitDoor;
  readonly audit: Audit;
  readonly runs: GitRuns;
  readonly commands: SshCommands;
  readonly commandSlots: Slots;
  readonly limits: Pick<Limits, 'push'>;
  readonly pace?: PaceLimits;
  /** `git@host:port` and how it is used, for who comes without a wish. */
  readonly help: readonly string[];
  readonly log: ReceiveLog;
};

/** Who has the session, and who wants to know when something runs in it. */
export type SessionOwner = {
  readonly line: Line;
  readonly blob: Buffer;
  /** From where. */
  readonly address: string;
  onRun(by: 1 | -1): void;
};

type Answer = (accept: (() => void) | undefined, reject: (() => void) | undefined, info: unknown) => void;
type Open = (accept: () => ServerChannel | undefined, reject: unknown, info: { command?: string }) => void;

type Session = {
  readonly channel: ServerChannel;
  readonly writer: ChannelWriter;
  /** What the client made raw; null without one. */
  readonly window: SshWindow | null;
  readonly protocol: string | null;
};

// What git ends with when it is refused, and what the command line says of wrong usage.
const refused = { git: 128, command: 2 } as const;

export const openCommandSlots = (): Slots => openSlots(8, 10_000, 'commands over SSH');

/**
 * Answers the requests of one session channel: one command of git or of ours, or a word of greeting. A terminal is
 * granted and its size passed on to a command of ours; of the environment only git's version of its protocol is taken.
 */
export function joinSession(emitter: EventEmitter, owner: SessionOwner, options: SessionOptions): void {
  let window: OpenWindow | null = null;
  let protocol: string | null = null;
  const answers: Readonly<Record<string, Answer>> = {
    env(accept, reject, info) {
      const { key, val } = info as { key: string; val: string };
      const taken = key === 'GIT_PROTOCOL' ? readProtocol(val) : null;
      if (taken === null) return reject?.();
      protocol = taken;
      accept?.();
    },
    pty(accept, _reject, info) {
      window = openWindow(info as WindowInfo);
      accept?.();
    },
    'window-change'(accept, _reject, info) {
      window?.change(info as WindowInfo);
      accept?.();
    },
  };
  for (const [name, answer] of Object.entries(answers)) emitter.on(name, answer);
  const open: Open = (accept, _reject, { command = null } = {}) => {
    const channel = accept();
    if (channel === undefined) return;
    owner.onRun(1);
    const asked = readAsked(command);
    const isGit = !(asked instanceof Failure) && asked?.kind === 'git';
    const lineEnd = window !== null && !isGit ? '\r\n' : '\n';
    const writer = openWriter(channel, { line: owner.line, session: emitter, lineEnd });
    void converse(asked, { channel, writer, window, protocol }, owner, options)
      .catch((error: unknown) => options.log.error({ err: error }, 'a session over SSH failed by a bug'))
      .finally(() => owner.onRun(-1));
  };
  emitter.on('exec', open);
  emitter.on('shell', open);
}

/** What is asked for; null for a shell, a Failure for what is refused. */
function readAsked(command: string | null): Asked | Failure | null {
  try {
    return command === null ? null : parseAsked(command);
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

async function converse(
  asked: Asked | Failure | null,
  session: Session,
  owner: SessionOwner,
  options: SessionOptions,
): Promise<void> {
  const { writer, channel } = session;
  try {
    await writer.end(await answer(asked, session, owner, options));
  } catch (error) {
    const failure =
      error instanceof Failure ? error : new Failure('internal', 'something is wrong in the server');
    if (failure !== error) options.log.error({ err: error }, 'a session over SSH failed by a bug');
    // What the client still sends is not kept.
    channel.resume();
    await writer.writeError(serializeFailure(failure));
    const isCommand = failure.code === 'ssh_command_refused' || failure.code === 'ssh_command_unknown';
    await writer.end(isCommand ? refused.command : refused.git);
  }
}

async function answer(
  asked: Asked | Failure | null,
  session: Session,
  { blob, address }: SessionOwner,
  options: SessionOptions,
): Promise<number> {
  const { door, help, audit } = options;
  const recheck = async (): Promise<Actor> => {
    const actor = await door.recognize(blob, false);
    if (actor !== null) return actor;
    throw new Failure('key_not_valid', 'The key was removed, or it has expired.');
  };
  const origin = { door: 'git-ssh', address } as const;
  const what = describeAsked(asked);
  let actor: Actor | null = null;
  try {
    actor = await recheck();
    if (asked instanceof Failure) throw asked;
    if (asked?.kind === 'git') return await answerGit(asked, session, { actor, origin }, options);
    if (asked?.kind === 'command') {
      await audit.note(describeGitAct(origin, actor, what), { outcome: 'done', code: null });
      return await answerCommand(asked.argv, session, { recheck, address }, options);
    }
  } catch (error) {
    await audit.note(describeGitAct(origin, actor, what), toRefusal(error));
    throw error;
  }
  session.channel.resume();
  await session.writer.write(Buffer.from(`${[await door.greet(actor), ...help].join('\n')}\n`));
  return 0;
}

/** The name of a command alone: what comes behind it may be a secret. */
function describeAsked(asked: Asked | Failure | null) {
  if (asked === null || asked instanceof Failure) return { action: 'ssh:command' };
  if (asked.kind === 'command') return { action: 'ssh:command', object: asked.argv[0] ?? null };
  return { action: asked.service === 'receive-pack' ? 'git:push' : 'git:fetch', app: asked.appName };
}

async function answerGit(
  { service, appName }: Extract<Asked, { kind: 'git' }>,
  { channel, writer, protocol }: Session,
  { actor, origin }: { readonly actor: Actor; readonly origin: GitOrigin },
  { door, runs, audit, limits, pace = paceLimits }: SessionOptions,
): Promise<number> {
  const isPush = service === 'receive-pack';
  const entered = await door.enter(actor, appName, isPush ? 'push' : 'read');
  await runs.admit(service);
  const fetched = { action: 'git:fetch', app: appName };
  if (!isPush) await audit.note(describeGitAct(origin, actor, fetched), { outcome: 'done', code: null });
  const intake = planIntake(service, limits);
  const code = await runs.run({
    ...entered,
    origin,
    service,
    protocol,
    stateless: false,
    gone: writer.gone,
    exchange: (git) => performSshExchange({ channel, writer, service, ...intake, pace }, git),
  });
  return code ?? refused.git;
}

async function answerCommand(
  argv: readonly string[],
  { channel, writer, window }: Session,
  { recheck, address }: { readonly recheck: () => Promise<Actor>; readonly address: string },
  { commands, commandSlots }: SessionOptions,
): Promise<number> {
  const giveBack = await commandSlots.take(writer.gone);
  try {
    return await performCommand(commands.start(argv, recheck, { address, window }), {
      channel,
      writer,
      window,
    });
  } finally {
    giveBack();
  }
}
