import { askEngine, unlessGone, untilAnswered } from './ask.ts';
import type { ServerConnection } from './fleet.ts';

/**
 * Stops a container and leaves it there; neither its engine nor a reboot starts it again. SIGTERM, then SIGKILL
 * after `timeoutMs`. One that is gone is stopped.
 */
export async function haltContainer(
  connection: ServerConnection,
  name: string,
  options: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const { timeoutMs, signal } = options;
  const ask = { connection, what: `stop ${name}`, signal, deadlineMs: timeoutMs + 30_000 };
  const container = connection.docker.getContainer(name);
  const t = Math.ceil(timeoutMs / 1000);
  await untilAnswered(connection, signal, async () => {
    await unlessGone(
      askEngine(ask, (abortSignal) => container.update({ RestartPolicy: { Name: 'no' }, abortSignal })),
    );
    await unlessGone(askEngine(ask, (abortSignal) => container.stop({ t, abortSignal })));
  });
}
