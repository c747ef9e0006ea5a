import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { ChannelSocket } from '../../src/fleet/channel-socket.ts';

function openChannel(): Duplex {
  return new Duplex({ read() {}, write: (_chunk, _encoding, done) => done(), emitClose: false });
}

test('what came before the end of a channel is read, though the channel closes in the same moment', async () => {
  const channel = openChannel();
  const socket = new ChannelSocket(channel);
  const read = text(socket);
  channel.emit('data', Buffer.from('all '));
  channel.emit('data', Buffer.from('of it'));
  channel.emit('end');
  channel.emit('close');
  assert.equal(await read, 'all of it');
});

test('a channel that closes without its end is a lost connection; one that nobody reads is closed at once', async () => {
  const lost = openChannel();
  const reading = text(new ChannelSocket(lost));
  lost.emit('close');
  await assert.rejects(reading, { code: 'ECONNRESET' });
  const idle = openChannel();
  const closed = once(new ChannelSocket(idle), 'close');
  idle.emit('end');
  idle.emit('close');
  await closed;
});
