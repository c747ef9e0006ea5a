import { Failure } from '../failure.ts';
import { RemoteFailure } from './remote-failure.ts';

/** What a command ends with; scripts depend on the numbers. */
export const exitCodes = {
  done: 0,
  failed: 1,
  wrongUsage: 2,
  notAllowed: 3,
  notFound: 4,
  outOfReach: 5,
  /** Of the shell: ended by Ctrl-C. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

const reachCodes = new Set(['hawser_unreachable', 'server_unreachable', 'ssh_unreachable']);
const byStatus: Readonly<Record<number, ExitCode>> = {
  400: exitCodes.wrongUsage,
  401: exitCodes.notAllowed,
  403: exitCodes.notAllowed,
  404: exitCodes.notFound,
  405: exitCodes.wrongUsage,
  413: exitCodes.wrongUsage,
  415: exitCodes.wrongUsage,
};

/** The exit code of an error. Pure. */
export function exitCodeOf(error: unknown): ExitCode {
  if (!(error instanceof Failure) && !(error instanceof RemoteFailure)) return exitCodes.failed;
  // Asked for what is so already.
  if (error.code === 'already_live') return exitCodes.done;
  if (reachCodes.has(error.code)) return exitCodes.outOfReach;
  return byStatus[error.status] ?? exitCodes.failed;
}

/** An error for people, in the grammar of the log. Pure. */
export function describeError(error: unknown): string[] {
  if (error instanceof Failure || error instanceof RemoteFailure) {
    const [first, ...rest] = error.message.split('\n');
    const mark = exitCodeOf(error) === exitCodes.done ? '  ' : ' !';
    return [
      `${mark}     ${first}`,
      ...rest.map((line) => `       ${line}`),
      `       code: ${error.code}`,
      `       fix: ${error.fix}`,
    ];
  }
  const { stack = String(error) } = Object(error) as { stack?: string };
  return [
    ' !     Something went wrong in the command line itself.',
    ...stack.split('\n').map((line) => `       ${line}`),
  ];
}

/** What was so already, for `--json`. Pure. */
export function describeDone(error: unknown): { readonly code: string; readonly message: string } {
  const { code, message } = error as Failure;
  return { code, message };
}
