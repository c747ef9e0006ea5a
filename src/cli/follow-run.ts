import { toPlain } from '../model/plain-text.ts';
import type { Unreachable } from './answers.ts';
import type { RunAnswer } from './answers-outside.ts';
import type { Client } from './client.ts';
import type { StreamEvent } from './events.ts';
import { exitCodes } from './exit.ts';
import { followAgain } from './follow-again.ts';
import { RemoteFailure } from './remote-failure.ts';
import type { Session } from './session.ts';

type Following = {
  readonly run: RunAnswer;
  /** Ctrl-C stops the command; otherwise only the looking. */
  readonly attached: boolean;
};

type Line = { readonly stream: 'stdout' | 'stderr'; readonly line: string };

// Of timeout(1), and of a shell for what SIGKILL ended.
const timedOut = 124;
const killed = 137;

/** Shows what a run writes until it ends, also over a restart of the server, and ends as it does. */
export async function followRun(
  session: Session,
  client: Client,
  path: string,
  { run, attached }: Following,
): Promise<void> {
  const query = { env: run.env };
  const address = `${path}/${run.id}`;
  const over = new AbortController();
  const left = session.interrupt(attached ? ['SIGINT', 'SIGTERM', 'SIGHUP'] : ['SIGINT']);
  const stop = () => {
    if (!attached) return over.abort();
    session.terminal.say(`Stopping run ${run.id}`);
    // Nobody follows it any more when this does not get through, which ends it too.
    void client.ask(`${address}/cancel`, { method: 'POST', query }).catch(() => over.abort());
  };
  left.addEventListener('abort', stop, { once: true });
  for await (const event of followAgain(client, `${address}/output`, { query, signal: over.signal })) {
    if (event.event === 'end') return tellEnd(session, JSON.parse(event.data));
    showEvent(session, event);
  }
  session.end(exitCodes.interrupted);
}

function showEvent({ terminal }: Session, { event, data }: StreamEvent): void {
  if (event === 'message') {
    const { stream, line } = JSON.parse(data) as Line;
    const text = terminal.toTerminal ? toPlain(line) : line;
    if (stream === 'stderr') terminal.say(text);
    else terminal.print(text);
  } else if (event === 'unreachable') {
    const { server, reason } = JSON.parse(data) as Unreachable;
    terminal.say(` !     ${server} cannot be asked now: ${reason}`);
  } else if (event === 'error') {
    throw new RemoteFailure(JSON.parse(data));
  }
}

type Words = { readonly code: number; readonly text: string | null };

const ends: Readonly<Record<string, Words>> = {
  out_of_memory: { code: killed, text: 'was out of memory' },
  timed_out: { code: timedOut, text: 'did not end in its time and was stopped' },
  cancelled: { code: exitCodes.interrupted, text: 'was stopped' },
  left: { code: exitCodes.failed, text: 'was stopped, since nobody followed it' },
  not_started: { code: exitCodes.failed, text: 'was not started' },
  lost: { code: exitCodes.failed, text: 'is gone, and nobody can tell how it ended' },
};

export function tellEnd(
  { terminal, end }: Pick<Session, 'terminal' | 'end'>,
  run: Omit<RunAnswer, 'env'>,
): void {
  const { code, text } = ends[run.outcome ?? ''] ?? { code: run.exitCode ?? exitCodes.failed, text: null };
  if (text !== null)
    terminal.say(` !     Run ${run.id} ${text}${run.detail === null ? '' : `: ${run.detail}`}.`);
  end(code);
}
