import { Failure } from '../../failure.ts';

/** One thing that was looked at; `fix` is the next step when it is not well. */
export type Finding = {
  readonly name: string;
  readonly state: 'ok' | 'warning' | 'failed';
  readonly detail: string;
  readonly fix: string | null;
};

export function ok(name: string, detail: string): Finding {
  return { name, state: 'ok', detail, fix: null };
}

export function warning(name: string, detail: string, fix: string): Finding {
  return { name, state: 'warning', detail, fix };
}

export function failed(name: string, detail: string, fix: string): Finding {
  return { name, state: 'failed', detail, fix };
}

/** The finding that a check makes, or what its error says. */
export async function look(name: string, check: () => Promise<Finding>): Promise<Finding> {
  try {
    return await check();
  } catch (error) {
    if (error instanceof Failure) return failed(name, error.message, error.fix);
    const { name: kind, message } = error as Error;
    if (kind === 'TimeoutError')
      return failed(name, 'no answer in time', 'See that it runs and can be reached.');
    return failed(name, message, 'See the log of the server.');
  }
}
