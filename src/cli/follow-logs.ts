import { Failure } from '../failure.ts';
import { toPlain } from '../model/plain-text.ts';
import { appAddress } from './addresses.ts';
import type { Unreachable } from './answers.ts';
import type { Client } from './client.ts';
import type { StreamEvent } from './events.ts';
import { exitCodes } from './exit.ts';
import { followAgain } from './follow-again.ts';
import { RemoteFailure } from './remote-failure.ts';
import type { CommonOptions, Session } from './session.ts';

export type LogOptions = CommonOptions & {
  readonly tail?: boolean;
  readonly lines?: string;
  readonly process?: string;
  readonly server?: string;
  readonly since?: string;
  readonly release?: string;
};

type Line = {
  readonly server: string;
  readonly process: string;
  readonly index: number;
  readonly line: string;
};

/** Prints lines as `app2 web.1 | text`, or as JSON, one a line; with `--tail` until Ctrl-C, also over a restart of the server. */
export async function followContainers(
  session: Session,
  client: Client,
  app: string,
  options: LogOptions,
): Promise<void> {
  const signal = session.interrupt();
  const query = {
    env: options.env,
    process: options.process,
    server: options.server,
    since: options.since,
    release: options.release,
    tail: options.lines === undefined ? undefined : parseLines(options.lines),
    follow: options.tail === true ? 'true' : 'false',
  };
  const path = `${appAddress(app)}/logs`;
  const asking = { query, signal };
  const events = options.tail === true ? followAgain(client, path, asking) : client.follow(path, asking);
  for await (const event of events) printEvent(session, event, options.json === true);
}

function printEvent({ terminal, end }: Session, { event, data }: StreamEvent, asJson: boolean): void {
  if (event === 'message' && asJson) {
    terminal.print(data);
  } else if (event === 'message') {
    const { server, process, index, line } = JSON.parse(data) as Line;
    terminal.print(`${server} ${process}.${index} | ${terminal.toTerminal ? toPlain(line) : line}`);
  } else if (event === 'unreachable') {
    const { server, reason } = JSON.parse(data) as Unreachable;
    terminal.say(` !     ${server} was not asked: ${reason}`);
    end(exitCodes.outOfReach);
  } else if (event === 'error') {
    throw new RemoteFailure(JSON.parse(data));
  }
}

function parseLines(text: string): string {
  if (/^\d{1,5}$/.test(text)) return text;
  throw new Failure('wrong_usage', `-n ${JSON.stringify(text)}: must be a number of lines.`);
}
