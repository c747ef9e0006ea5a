import {
  createServer,
  Agent as HttpAgent,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http';
import { type AddressInfo, createConnection, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Backend } from '../../src/route/table.ts';

/** A backend of a real HTTP server on loopback: `/slow` answers after 1 s, an upgrade is echoed for ever. */
export async function startBackend(name: string): Promise<{
  backend: Backend;
  headers: NodeJS.Dict<string | string[]>[];
  stop(): Promise<void>;
}> {
  const headers: NodeJS.Dict<string | string[]>[] = [];
  const answer = async (incoming: IncomingMessage, response: ServerResponse) => {
    if (incoming.url === '/headers') headers.push(incoming.headers);
    if (incoming.url === '/slow') await pause(1_000);
    if (incoming.url === '/broken') response.statusCode = 500;
    if (incoming.url === '/reset') incoming.socket.destroy();
    let size = 0;
    for await (const chunk of incoming) size += chunk.length;
    response.end(`${name} ${incoming.method} ${size}`);
  };
  // A client that went away is no news.
  const server = createServer(
    (incoming, response) => void answer(incoming, response).catch(() => response.destroy()),
  );
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('upgrade', (_request, socket) => {
    socket.on('error', () => {});
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n',
    );
    socket.pipe(socket);
  });
  await listen(server);
  const { port } = server.address() as AddressInfo;
  return {
    backend: { name, server: 'local', address: `127.0.0.1:${port}`, weight: 100 },
    headers,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

type FetchOptions = {
  path?: string;
  method?: string;
  body?: string;
  agent?: HttpAgent;
  headers?: Record<string, string>;
};

/** One request with a Host of its own; new connection unless an agent is given. */
export async function fetchOnce(port: number, host: string, options: FetchOptions = {}) {
  const { status, text } = await fetchWhole(port, host, options);
  return { status, text };
}

/** The same, with the headers of the answer. */
export function fetchWhole(
  port: number,
  host: string,
  options: FetchOptions = {},
): Promise<{ status: number; text: string; headers: IncomingHttpHeaders }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: '127.0.0.1',
        port,
        path: options.path ?? '/',
        method: options.method ?? 'GET',
        agent: options.agent ?? false,
        headers: { host, ...options.headers },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            text: Buffer.concat(chunks).toString(),
            headers: response.headers,
          }),
        );
        response.on('error', reject);
      },
    );
    outgoing.on('error', reject);
    outgoing.end(options.body);
  });
}

/** Constant load until the test ends: half on new connections, a third POST; nothing is ever tried again. */
export function startLoad(t: TestContext, port: number, host: string, perSecond: number) {
  const agent = new HttpAgent({ keepAlive: true, maxSockets: 20 });
  const failures: string[] = [];
  const pending = new Set<Promise<void>>();
  let sent = 0;
  const begin = performance.now();
  const shoot = () => {
    const due = Math.floor(((performance.now() - begin) * perSecond) / 1_000);
    while (sent < due) {
      sent += 1;
      const isPost = sent % 3 === 0;
      const shot = fetchOnce(port, host, {
        method: isPost ? 'POST' : 'GET',
        ...(isPost ? { body: 'x'.repeat(500) } : {}),
        ...(sent % 2 === 0 ? { agent } : {}),
      })
        .then(({ status, text }) => {
          if (status !== 200) failures.push(`${status} ${text}`);
        })
        .catch((error: Error) => {
          failures.push(error.message);
        })
        .finally(() => pending.delete(shot));
      pending.add(shot);
    }
  };
  const timer = setInterval(shoot, 5);
  t.after(() => clearInterval(timer));
  return {
    async stop(): Promise<{ sent: number; failures: readonly string[] }> {
      clearInterval(timer);
      await Promise.all(pending);
      agent.destroy();
      return { sent, failures };
    },
  };
}

/** Opens a websocket far enough that the load balancer makes it a tunnel. */
export function openTunnel(
  port: number,
  host: string,
): Promise<{ echo(text: string): Promise<string>; closed: Promise<void> }> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(port, '127.0.0.1');
    const key = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==';
    const closed = new Promise<void>((done) => socket.once('close', () => done()));
    socket.once('error', reject);
    socket.write(
      `GET /ws HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${key}\r\n\r\n`,
    );
    const next = () => new Promise<string>((done) => socket.once('data', (data) => done(data.toString())));
    next().then((head) => {
      if (!head.startsWith('HTTP/1.1 101')) return reject(new Error(head));
      resolve({
        echo(text) {
          const answer = next();
          socket.write(text);
          return answer;
        },
        closed,
      });
    }, reject);
  });
}

/** A port of loopback that was free a moment ago. */
export async function findFreePort(): Promise<number> {
  const server = createServer();
  await listen(server);
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
}
