import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connectSsh, readHostKey } from '../../src/fleet/ssh.ts';
import type { SshServer } from '../../src/model/server.ts';
import { eventually } from '../support/eventually.ts';
import { findFreePort, makeKey, openSshd, type Sshd } from '../support/sshd.ts';

const signal = AbortSignal.timeout(300_000);
const log = () => {};

function optionsFor(sshd: Sshd, server: SshServer = sshd.server) {
  return { server, expectHostKey: sshd.fingerprint as string | null, identity: sshd.identity, signal, log };
}

test('the pinned host key lets us in, and closing ends the connection', async (t) => {
  const sshd = await openSshd(t, 'app1');
  const connection = await connectSsh(optionsFor(sshd));
  assert.equal(await connection.exitCodeOf('test -d /'), 0);
  assert.equal(await connection.exitCodeOf('test -f /'), 1);
  connection.close();
  await eventually(() => connection.closed.aborted);
  assert.equal(connection.closed.reason.code, 'ssh_unreachable');
});

test('without a pinned host key not even a connection is made', async (t) => {
  const sshd = await openSshd(t, 'app1');
  await assert.rejects(connectSsh({ ...optionsFor(sshd), expectHostKey: null }), (failure: never) => {
    assert.deepEqual(pick(failure), [
      'host_key_unknown',
      'hawser servers:trust app1 shows the key and pins it.',
    ]);
    return true;
  });
  assert.equal(sshd.countConnections(), 0);
});

test('another host key stops everything before authentication, showing both prints', async (t) => {
  const sshd = await openSshd(t, 'app1');
  const pinned = `SHA256:${'A'.repeat(43)}`;
  await assert.rejects(connectSsh({ ...optionsFor(sshd), expectHostKey: pinned }), (failure: Error) => {
    assert.equal(pick(failure)[0], 'host_key_changed');
    assert.ok(
      failure.message.includes(pinned) && failure.message.includes(sshd.fingerprint),
      failure.message,
    );
    assert.ok(failure.message.includes('app1'));
    return true;
  });
  await eventually(() => /Connection (closed|reset)|disconnect/i.test(sshd.readLog()));
  assert.doesNotMatch(sshd.readLog(), /userauth-request|ssh-userauth/);
});

test('a man in the middle gets no byte from us after his key exchange', async (t) => {
  const honest = await openSshd(t, 'app1');
  const middle = await openSshd(t, 'app1');
  const tap = await openTap(t, middle.server.port);
  const server = { ...honest.server, port: tap.port };
  await assert.rejects(connectSsh(optionsFor(honest, server)), /host key is not the pinned one/);
  await eventually(() => tap.seen.ended > 0);
  assert.deepEqual([tap.seen.shown, tap.seen.after], [1, 0]);
  assert.doesNotMatch(middle.readLog(), /userauth-request|ssh-userauth/);
});

test('the host key that is read is the one that ssh-keygen prints, and nobody was authenticated', async (t) => {
  const sshd = await openSshd(t, 'app1');
  assert.equal(await readHostKey({ server: sshd.server, signal }), sshd.fingerprint);
  assert.doesNotMatch(sshd.readLog(), /userauth-request|ssh-userauth/);
});

test('a key that the server does not know, and a file that is no key', async (t) => {
  const sshd = await openSshd(t, 'app1');
  const other = join(sshd.folder, 'other');
  makeKey(other);
  const wrong = connectSsh({ ...optionsFor(sshd), identity: readFileSync(other) });
  await assert.rejects(wrong, (failure: Error) => {
    assert.equal(pick(failure)[0], 'ssh_auth_failed');
    assert.match(failure.message, /was not let in/);
    return true;
  });
  const identity = Buffer.from('not a key: s3cret');
  await assert.rejects(connectSsh({ ...optionsFor(sshd), identity }), (failure: Error) => {
    assert.equal(pick(failure)[0], 'ssh_auth_failed');
    assert.doesNotMatch(failure.message, /s3cret/);
    return true;
  });
});

test('a port where nothing listens says so', async (t) => {
  const sshd = await openSshd(t, 'app1');
  const server = { ...sshd.server, port: await findFreePort() };
  await assert.rejects(connectSsh(optionsFor(sshd, server)), (failure: Error) => {
    assert.equal(pick(failure)[0], 'ssh_unreachable');
    assert.match(failure.message, /^app1 .*connection refused/);
    return true;
  });
});

test('a server that accepts and says nothing is given up, and an abort does not wait for that', async (t) => {
  const sshd = await openSshd(t, 'app1');
  const silent = createServer((socket) => void socket.resume()).listen(0, '127.0.0.1');
  t.after(() => silent.close());
  await once(silent, 'listening');
  const server = { ...sshd.server, port: (silent.address() as AddressInfo).port };
  const soon = AbortSignal.timeout(50);
  await assert.rejects(connectSsh({ ...optionsFor(sshd, server), signal: soon }), { name: 'TimeoutError' });
  await assert.rejects(connectSsh(optionsFor(sshd, server)), /no answer within 10 s/);
});

test('a server behind a jump host has a host key of its own', async (t) => {
  const jump = await openSshd(t, 'jump');
  const inner = await openSshd(t, 'inner');
  const via = await connectSsh(optionsFor(jump));
  t.after(() => via[Symbol.asyncDispose]());
  const connection = await connectSsh({ ...optionsFor(inner), via });
  assert.equal(await connection.exitCodeOf('test -d /'), 0);
  assert.equal(await readHostKey({ server: inner.server, via, signal }), inner.fingerprint);
  await assert.rejects(connectSsh({ ...optionsFor(inner), expectHostKey: jump.fingerprint, via }), {
    code: 'host_key_changed',
  });
  via.close();
  await eventually(() => connection.closed.aborted);
});

function pick(failure: unknown): [string, string] {
  const { code, fix } = failure as { code: string; fix: string };
  return [code, fix];
}

/** Forwards to a port and counts what clients said after they were shown a host key. */
async function openTap(t: TestContext, port: number) {
  const seen = { shown: 0, after: 0, ended: 0 };
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    let said = Buffer.alloc(0);
    let isShown = false;
    client.on('data', (chunk) => {
      if (isShown) seen.after += chunk.length;
      upstream.write(chunk);
    });
    upstream.on('data', (chunk: Buffer) => {
      said = Buffer.concat([said, chunk]);
      if (!isShown && listPacketTypes(said).includes(keyExchangeReply)) {
        isShown = true;
        seen.shown += 1;
      }
      client.write(chunk);
    });
    client.on('error', () => upstream.destroy());
    upstream.on('error', () => client.destroy());
    upstream.on('close', () => client.destroy());
    client.on('close', () => {
      seen.ended += 1;
      upstream.destroy();
    });
  }).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, seen };
}

/** SSH_MSG_KEX_ECDH_REPLY of RFC 5656, the packet with the host key; until then nothing is encrypted. */
const keyExchangeReply = 31;

/** The types of the whole packets behind the version line, as RFC 4253 section 6 lays them out. */
function listPacketTypes(said: Buffer): number[] {
  const types: number[] = [];
  const version = said.indexOf('\n');
  for (let at = version + 1; version >= 0 && at + 6 <= said.length; at += 4 + said.readUInt32BE(at)) {
    types.push(said.readUInt8(at + 5));
    if (types.at(-1) === keyExchangeReply) break;
  }
  return types;
}
