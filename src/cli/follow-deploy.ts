import { nameProgress } from '../model/deploy.ts';
import type { Client } from './client.ts';
import { exitCodes } from './exit.ts';
import { followAgain } from './follow-again.ts';
import { RemoteFailure } from './remote-failure.ts';
import type { Session } from './session.ts';

const quietMs = 10_000;

type End = { readonly state: string; readonly lines: readonly string[] };

/**
 * Prints a deploy's log until it ends and ends the command with the deploy's truth. Ctrl-C only detaches. A server
 * that goes away is asked again for a minute, from behind the last line. Throws `hawser_unreachable`.
 */
export async function attachDeploy(session: Session, client: Client, id: number): Promise<void> {
  const { terminal } = session;
  const signal = session.interrupt();
  const end = await followUntilEnd(session, client, id, signal);
  if (end === undefined) {
    terminal.say(`Detached: deploy ${id} goes on. To see it again: hawser deploys:attach ${id}`);
    session.end(exitCodes.interrupted);
    return;
  }
  for (const line of end.lines) terminal.print(line);
  session.end(end.state === 'live' ? exitCodes.done : exitCodes.failed);
}

async function followUntilEnd(
  session: Session,
  client: Client,
  id: number,
  signal: AbortSignal,
): Promise<End | undefined> {
  using quiet = watchQuiet(session);
  for await (const { event, data } of followAgain(client, `/deploys/${id}/log`, { signal })) {
    quiet.heard(event === 'state' ? nameProgress(JSON.parse(data)) : undefined);
    if (event === 'end') return JSON.parse(data) as End;
    if (event === 'error') throw new RemoteFailure(JSON.parse(data));
    if (event === 'message') session.terminal.print(data);
  }
  return undefined;
}

/** On a terminal what is waited for and how long already; elsewhere a line on stderr after every 10 s without one. */
function watchQuiet({ terminal }: Session): { heard(state: string | undefined): void } & Disposable {
  let state = 'waiting';
  let since = performance.now();
  const describe = () => `${state} (${Math.round((performance.now() - since) / 1000)}s)`;
  const spinner = terminal.progress?.(describe);
  const timer = setInterval(() => {
    if (spinner === undefined) terminal.say(`       … ${describe()}`);
  }, quietMs);
  return {
    heard(next) {
      state = next ?? state;
      since = performance.now();
      timer.refresh();
    },
    [Symbol.dispose]() {
      clearInterval(timer);
      spinner?.[Symbol.dispose]();
    },
  };
}
