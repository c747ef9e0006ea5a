import { Failure } from '../failure.ts';
import { type Deploy, hasEnded } from '../model/deploy.ts';
import { getDeploy } from '../store/deploys.ts';
import { readResult } from './deploy-result.ts';
import type { ApiDesk } from './desk.ts';
import type { ServerEvent } from './stream.ts';

/** The byte offset that a `Last-Event-ID` names; from the beginning without one. Throws `invalid_input`. */
export function parsePosition(lastEventId: string | undefined): number {
  if (lastEventId === undefined || /^-\d{1,15}$/.test(lastEventId)) return 0;
  if (/^\d{1,15}$/.test(lastEventId)) return Number(lastEventId);
  throw new Failure('invalid_input', 'Last-Event-ID: must be the id of an event of this log.');
}

/** What there is of a deploy's log, with its result at the end once it has one. */
export async function* readWholeLog(desk: ApiDesk, deploy: Deploy): AsyncGenerator<string> {
  let from = 0;
  for (;;) {
    const lines = await desk.journals.read(deploy.id, from);
    if (lines.length === 0) break;
    for (const { line } of lines) yield line;
    from = lines.at(-1)?.next ?? from;
  }
  yield* await readResult(desk, deploy);
}

/**
 * Lines as they come; `id` is the offset behind each. While nothing comes, `state` tells where the deploy is when
 * that changes. The last event is `end` with the result as the ledger has it.
 */
export async function* followLog(
  desk: ApiDesk,
  deployId: number,
  from: number,
  signal: AbortSignal,
): AsyncGenerator<ServerEvent> {
  let now = await getDeploy(desk.db, deployId);
  let told: Deploy | null = null;
  const hasEndedNow = async () => {
    now = await getDeploy(desk.db, deployId);
    return hasEnded(now.state);
  };
  for await (const { line, next } of desk.journals.follow(deployId, {
    from,
    signal,
    hasEnded: hasEndedNow,
  })) {
    const { state, hold } = now;
    if (told?.state !== state || told.hold !== hold) yield { event: 'state', data: { state, hold } };
    told = now;
    yield { id: String(next), data: line };
  }
  if (signal.aborted) return;
  const deploy = await getDeploy(desk.db, deployId);
  yield { event: 'end', data: { id: deploy.id, state: deploy.state, lines: await readResult(desk, deploy) } };
}
