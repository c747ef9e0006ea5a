import { createHash } from 'node:crypto';
import type { Agent } from 'node:http';
import { request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { deflateSync } from 'node:zlib';
import { flushPacket, packetText, parsePackets, serializePacket } from '../../src/receive/packet.ts';
import { type GitObject, makeCommit, makeObject, makeTree } from '../../test/support/git-objects.ts';

const kinds = { commit: 1, tree: 2, blob: 3 } as const;
const zero = '0'.repeat(40);

/** A push of one new commit, ready to be sent: the commands and the pack (gitprotocol-pack, gitformat-pack). */
export function preparePush(files: Readonly<Record<string, string>>, message: string): Buffer {
  const blobs = Object.entries(files)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, text]) => ({ name, blob: makeObject('blob', text) }));
  const tree = makeTree(blobs.map(({ name, blob }) => ({ mode: '100644', name, oid: blob.oid })));
  const commit = makeCommit(tree.oid, message);
  const capabilities = 'report-status push-options object-format=sha1';
  return Buffer.concat([
    serializePacket(`${zero} ${commit.oid} refs/heads/main\0${capabilities}`),
    flushPacket,
    serializePacket('no-wait'),
    flushPacket,
    packOf([commit, tree, ...blobs.map(({ blob }) => blob)]),
  ]);
}

/** The two requests of a push as git makes them; true when the server says that it took the commit. */
export async function sendPush(remote: string, push: Buffer, agent: Agent): Promise<boolean> {
  const url = new URL(remote);
  const authorization = `Basic ${btoa(`${url.username}:${url.password}`)}`;
  const refs = await ask(url, '/info/refs?service=git-receive-pack', { method: 'GET', authorization, agent });
  if (refs.status !== 200) return false;
  const answer = await ask(url, '/git-receive-pack', { method: 'POST', authorization, agent, body: push });
  const lines = parsePackets(answer.body).packets.map(packetText);
  return lines.includes('unpack ok') && lines.some((line) => line.startsWith('ok refs/heads/main'));
}

type Asking = {
  readonly method: string;
  readonly authorization: string;
  readonly agent: Agent;
  readonly body?: Buffer;
};

async function ask(url: URL, path: string, { method, authorization, agent, body }: Asking) {
  const headers = {
    authorization,
    ...(body && { 'content-type': 'application/x-git-receive-pack-request', 'content-length': body.length }),
  };
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: Buffer }>();
  const options = {
    host: url.hostname,
    port: url.port,
    path: `${url.pathname}${path}`,
    method,
    headers,
    agent,
  };
  const asked = request(options, (response) => {
    buffer(response).then((bytes) => resolve({ status: response.statusCode ?? 0, body: bytes }), reject);
  });
  asked.on('error', reject).end(body);
  return promise;
}

function packOf(objects: readonly GitObject[]): Buffer {
  const head = Buffer.alloc(12);
  head.write('PACK');
  head.writeUInt32BE(2, 4);
  head.writeUInt32BE(objects.length, 8);
  const packed = objects.flatMap(({ kind, data }) => [describeEntry(kind, data.length), deflateSync(data)]);
  const pack = Buffer.concat([head, ...packed]);
  return Buffer.concat([pack, createHash('sha1').update(pack).digest()]);
}

/** Kind and size, four bits of it first and then seven a byte, the low ones first. */
function describeEntry(kind: GitObject['kind'], size: number): Buffer {
  const bytes = [(kinds[kind] << 4) | (size & 15)];
  for (let rest = size >> 4; rest > 0; rest >>= 7) {
    bytes.push((bytes.pop() ?? 0) | 128, rest & 127);
  }
  return Buffer.from(bytes);
}
