import { once } from 'node:events';
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { Failure } from '../failure.ts';
import { parseEvents, type StreamEvent } from './events.ts';
import { RemoteFailure } from './remote-failure.ts';

/** Where a server is: its socket on this machine, or its URL with a token. */
export type Target =
  | { readonly kind: 'socket'; readonly path: string }
  | {
      readonly kind: 'url';
      readonly url: string;
      readonly token: string | null;
      /** The socket by which the URL is reached, where that is not its own address. */
      readonly socketPath?: string;
    };

export type Asking = {
  readonly method?: 'GET' | 'POST' | 'DELETE';
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
};

export type Client = {
  readonly target: Target;
  /** The JSON answer. Throws `hawser_unreachable`, or what the server says. */
  ask<T>(path: string, asking?: Asking): Promise<T>;
  /** Events from behind `lastId`; ends when the server ends them, rejects when the connection is lost. */
  follow(path: string, options: FollowOptions): AsyncGenerator<StreamEvent>;
  /** The plain text of an answer. */
  read(path: string): AsyncGenerator<string>;
};

export type FollowOptions = Pick<Asking, 'method' | 'body'> & {
  readonly query?: Asking['query'] | undefined;
  readonly lastId?: string | undefined;
  readonly signal: AbortSignal;
};

const mostItems = '200';

type Sent = Asking & {
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly signal?: AbortSignal;
};

/** Opens nothing yet: every question is a request of its own. */
export function openClient(target: Target): Client {
  const place = target.kind === 'socket' ? target.path : target.url;
  const socketPath = target.kind === 'socket' ? target.path : target.socketPath;

  async function send(sent: Sent): Promise<IncomingMessage> {
    const { method = 'GET', body, signal } = sent;
    const url = urlOf(target, sent);
    const text = body === undefined ? undefined : JSON.stringify(body);
    // TLS is read only by who needs it.
    const open = url.protocol === 'https:' ? (await import('node:https')).request : requestHttp;
    const request = open(url, {
      method,
      headers: headersOf(target, sent, text),
      agent: false,
      ...(socketPath === undefined ? {} : { socketPath }),
      ...(signal === undefined ? {} : { signal }),
    });
    request.end(text);
    try {
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      return response;
    } catch (error) {
      signal?.throwIfAborted();
      throw unreachable(place, error);
    }
  }

  async function receive(sent: Sent): Promise<IncomingMessage> {
    const response = await send(sent);
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return response;
    throw toRemoteFailure(status, await readText(response), place);
  }

  async function askOnce(path: string, asking: Asking): Promise<unknown> {
    const text = await readText(await receive({ ...asking, path, headers: { accept: 'application/json' } }));
    return parseAnswer(text, place);
  }

  /** A list with the pages that come after its first one. */
  async function readRest(answer: unknown, path: string, asking: Asking): Promise<unknown> {
    const whole = Object(answer) as { items?: unknown[]; next?: string | null };
    if (!Array.isArray(whole.items) || typeof whole.next !== 'string') return answer;
    const items = [...whole.items];
    let next: string | null = whole.next;
    while (typeof next === 'string') {
      const query = { ...asking.query, limit: mostItems, cursor: next };
      const page = (await askOnce(path, { ...asking, query })) as { items: unknown[]; next: string | null };
      items.push(...page.items);
      ({ next } = page);
    }
    return { ...whole, items, next: null };
  }

  return {
    target,
    async ask<T>(path: string, asking: Asking = {}) {
      const answer = await askOnce(path, asking);
      const wantsAll = asking.query?.limit === undefined;
      return (wantsAll ? await readRest(answer, path, asking) : answer) as T;
    },
    async *follow(path, { query, lastId, signal, method, body }) {
      const headers = {
        accept: 'text/event-stream',
        ...(lastId === undefined ? {} : { 'last-event-id': lastId }),
      };
      const response = await receive({
        ...{ path, headers, signal },
        ...(query === undefined ? {} : { query }),
        ...(method === undefined ? {} : { method, body }),
      });
      try {
        yield* parseEvents(response.setEncoding('utf8'));
      } catch (error) {
        if (signal.aborted) return;
        throw unreachable(place, error);
      }
    },
    async *read(path) {
      const response = await receive({ path, headers: { accept: 'text/plain' } });
      try {
        for await (const chunk of response.setEncoding('utf8')) yield chunk;
      } catch (error) {
        throw unreachable(place, error);
      }
    },
  };
}

function urlOf(target: Target, { path, query = {} }: Sent): URL {
  const base = target.kind === 'socket' ? 'http://hawser' : target.url.replace(/\/+$/, '');
  const url = new URL(`${base}/api/v1${path}`);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.set(name, value);
  }
  return url;
}

function headersOf(target: Target, { headers }: Sent, text: string | undefined): Record<string, string> {
  const token = target.kind === 'url' ? target.token : null;
  return {
    ...headers,
    ...(text === undefined ? {} : { 'content-type': 'application/json' }),
    ...(token === null ? {} : { authorization: `Bearer ${token}` }),
  };
}

async function readText(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return text;
}

function parseAnswer(text: string, place: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Failure('answer_not_understood', `What answers at ${place} is not a Hawser server.`, {
      cause: error,
    });
  }
}

function toRemoteFailure(status: number, text: string, place: string): Error {
  const problem = Object(parseAnswer(text, place)) as Record<string, unknown>;
  const { code, detail, fix, requestId } = problem;
  if (typeof code !== 'string' || typeof detail !== 'string' || typeof fix !== 'string') {
    return new Failure(
      'answer_not_understood',
      `${place} answered ${status} and not in the way of a Hawser server.`,
    );
  }
  return new RemoteFailure({ status, code, detail, fix, requestId: String(requestId) });
}

function unreachable(place: string, error: unknown): Failure {
  const { code, message } = error as NodeJS.ErrnoException;
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: 'it does not run',
    ECONNREFUSED: 'it does not run',
    EACCES: 'only its owner may use the socket',
    ENOTFOUND: 'there is no such host',
  };
  const reason = reasons[code ?? ''] ?? message;
  return new Failure('hawser_unreachable', `No Hawser answers at ${place}: ${reason}.`, { cause: error });
}
