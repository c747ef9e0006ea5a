import { toPlain } from '../model/plain-text.ts';
import type { TerminalSize } from '../model/run.ts';
import type { RunAnswer } from './answers-outside.ts';
import type { Client } from './client.ts';
import type { StreamEvent } from './events.ts';
import { exitCodes } from './exit.ts';
import { tellEnd } from './follow-run.ts';
import type { Keyboard, Screen } from './keyboard.ts';
import { RemoteFailure } from './remote-failure.ts';
import type { Session } from './session.ts';

export type AttachOptions = {
  /** Of the app: `/apps/shop`. */
  readonly app: string;
  /** What starts it: `/exec` or `/runs/terminal`. */
  readonly path: string;
  readonly body: object;
  /** The terminal that it gets; null for none. */
  readonly screen: Screen | null;
  /** stdin is passed on. */
  readonly input: boolean;
};

type Begun = RunAnswer & { readonly key: string };
type Piece = { readonly stream: 'stdout' | 'stderr'; readonly data: string };

/** Joins the streams here to a command elsewhere until it ends, and ends as it does. */
export async function followAttached(
  session: Session,
  client: Client,
  options: AttachOptions,
): Promise<void> {
  const { app, path, screen } = options;
  const over = new AbortController();
  // A terminal that is taken sends Ctrl-C as a key.
  session.interrupt(['SIGINT', 'SIGTERM', 'SIGHUP']).addEventListener('abort', () => over.abort());
  const terminal = screen === null ? {} : { terminal: { ...screen.size(), kind: screen.kind } };
  const body = { ...options.body, ...terminal };
  using held = new DisposableStack();
  const parts = { session, client, options, held };
  for await (const event of client.follow(app + path, { method: 'POST', body, signal: over.signal })) {
    if (takeEvent(event, parts)) return;
  }
  held.dispose();
  if (over.signal.aborted) return session.end(exitCodes.interrupted);
  session.terminal.say(' !     The connection was lost, which ends the command.');
  session.end(exitCodes.outOfReach);
}

type Parts = {
  readonly session: Session;
  readonly client: Client;
  readonly options: AttachOptions;
  readonly held: DisposableStack;
};

/** True when it was the last one. */
function takeEvent({ event, data }: StreamEvent, { session, client, options, held }: Parts): boolean {
  const { app, screen, input } = options;
  if (event === 'begun') {
    const run = JSON.parse(data) as Begun;
    const sender = openSender(client, `${app}/runs/${run.id}/input`, run);
    if (screen !== null) held.use(screen.take((size) => sender.resize(size)));
    if (input) held.use(passInput(session.keyboard, sender));
  } else if (event === 'message') {
    show(session, JSON.parse(data), screen !== null);
  } else if (event === 'error') {
    throw new RemoteFailure(JSON.parse(data));
  } else if (event === 'end') {
    // What is said of its end is said on a terminal that is as it was.
    held.dispose();
    tellEnd(session, JSON.parse(data));
    return true;
  }
  return false;
}

function show({ terminal }: Session, { stream, data }: Piece, isRaw: boolean): void {
  const bytes = Buffer.from(data, 'base64');
  const isPlain = !isRaw && terminal.toTerminal;
  // What has no terminal there must not move the one here.
  const cleaned = () => Buffer.from(bytes.toString('utf8').split('\n').map(toPlain).join('\n'));
  terminal.put(stream, isPlain ? cleaned() : bytes);
}

function passInput(keyboard: Keyboard, sender: Sender): Disposable {
  return keyboard.read({ data: (bytes) => sender.put(bytes), end: () => void sender.end() });
}

export type Sender = {
  /** Resolves when more may come. */
  put(bytes: Buffer): Promise<void>;
  end(): Promise<void>;
  resize(size: TerminalSize): void;
};

const mostAtOnce = 256 * 1024;

/**
 * Sends input in its order, one request at a time: what comes meanwhile goes with the next one. The end of the command
 * is told by its events, so that what cannot be sent any more is nobody's.
 */
export function openSender(
  client: Pick<Client, 'ask'>,
  path: string,
  { env, key }: Pick<Begun, 'env' | 'key'>,
): Sender {
  let at = 0;
  let waiting: Buffer = Buffer.alloc(0);
  let next: { last?: true; size?: TerminalSize } = {};
  let sending: Promise<void> | null = null;
  const isDue = () => waiting.length > 0 || next.last !== undefined || next.size !== undefined;

  async function sendAll(): Promise<void> {
    while (isDue()) {
      const data = waiting.subarray(0, mostAtOnce);
      waiting = waiting.subarray(data.length);
      const { last, ...rest } = next;
      const isLast = last === true && waiting.length === 0;
      next = last === true && !isLast ? { last } : {};
      const body = { env, key, at, data: data.toString('base64'), ...rest, ...(isLast ? { last } : {}) };
      at += data.length;
      await client.ask(path, { method: 'POST', body });
    }
  }

  function send(): Promise<void> {
    sending ??= sendAll()
      // The events of the command tell why.
      .catch(() => undefined)
      .finally(() => {
        sending = null;
      });
    return sending;
  }

  return {
    async put(bytes) {
      waiting = Buffer.concat([waiting, bytes]);
      const sent = send();
      if (waiting.length >= mostAtOnce) await sent;
    },
    end() {
      next = { ...next, last: true };
      return send();
    },
    resize(size) {
      next = { ...next, size };
      void send();
    },
  };
}
