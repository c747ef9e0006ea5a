import { fstatSync } from 'node:fs';
import { Failure } from '../failure.ts';
import type { Session } from './session.ts';

/** As much as one request takes. */
const most = 512 * 1024;
const hintMs = 2_000;

/**
 * All of stdin for a one-off command; null for none. Unasked it is read when it is a pipe or a file. Over SSH nobody can
 * tell whether somebody types there, so that it is read only when it is asked for. Throws `wrong_usage`.
 */
export async function readRunInput(
  { terminal, env }: Pick<Session, 'terminal' | 'env'>,
  wanted: boolean | undefined,
): Promise<Buffer | null> {
  const isGuest = env.HAWSER_SOCKET !== undefined;
  if (!(wanted ?? (!isGuest && isPiped()))) return null;
  const hint = setTimeout(
    () => terminal.say('Reading stdin for the command; --no-stdin leaves it out.'),
    hintMs,
  );
  try {
    const input = await terminal.readBytes(most);
    if (input !== null) return input;
  } finally {
    clearTimeout(hint);
  }
  throw new Failure('wrong_usage', 'stdin has more than 512 KB.', {
    fix: 'Have the command fetch what is larger, or --no-stdin leaves it out.',
  });
}

/** True for a pipe, a socket or a file; not for a terminal or /dev/null. */
function isPiped(): boolean {
  try {
    const stat = fstatSync(0);
    return stat.isFIFO() || stat.isSocket() || stat.isFile();
  } catch {
    // It is closed.
    return false;
  }
}
