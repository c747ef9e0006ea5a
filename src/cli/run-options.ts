import { parseDuration } from '../config/units.ts';
import { Failure } from '../failure.ts';
import type { Screen } from './keyboard.ts';
import type { Session } from './session.ts';

type TerminalOptions = {
  readonly detach?: boolean;
  /** Undefined when nothing was said. */
  readonly stdin?: boolean;
  readonly tty?: boolean;
};

/** Seconds of `--timeout`. Throws `wrong_usage`. */
export function readTimeout(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= 1000 && ms <= 86_400_000) return Math.ceil(ms / 1000);
  throw new Failure('wrong_usage', `--timeout ${JSON.stringify(text)}: use 1s to 24h, like 90s or 10m.`);
}

/** The terminal that a command gets: the one here, unless something else is said of its streams. Throws `wrong_usage`. */
export function chooseScreen(
  { keyboard, env }: Pick<Session, 'keyboard' | 'env'>,
  { detach, stdin, tty }: TerminalOptions,
): Screen | null {
  const isOther = detach === true || stdin !== undefined;
  if (tty !== true) return tty === false || isOther ? null : keyboard.screen;
  if (isOther) throw new Failure('wrong_usage', '-t goes together with neither --detach nor --stdin.');
  if (keyboard.screen !== null) return keyboard.screen;
  throw new Failure('wrong_usage', 'There is no terminal here: stdin or stdout is something else.', {
    fix: env.HAWSER_SOCKET === undefined ? 'Leave out -t.' : 'Have ssh bring one: ssh -t git@HOST …',
  });
}

/** What stands before `--` and behind it, of the words that are left when the options are taken out. Pure. */
export function splitProcess(words: readonly string[], argv: readonly string[]) {
  const at = argv.indexOf('--');
  const count = at < 0 ? 0 : argv.length - at - 1;
  const before = words.slice(0, words.length - count);
  if (count === 0 || before.length > 1) {
    throw new Failure('wrong_usage', 'ps:exec takes at most one process, and -- in front of the command.', {
      fix: 'Like this: hawser ps:exec -a APP web.1 -- ls -l',
    });
  }
  return { process: before[0] ?? null, command: words.slice(words.length - count) };
}
