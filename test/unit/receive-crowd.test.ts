import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { openCrowd } from '../../src/receive/crowd.ts';

function arrive(remoteAddress: string | undefined): Socket {
  return Object.assign(new EventEmitter(), { remoteAddress, destroy() {} }) as unknown as Socket;
}

test('an address has its share, and takes nothing of the share of another', () => {
  const crowd = openCrowd({ strangers: 2, perAddress: 2, total: 100 });
  const [one, other, third] = ['192.0.2.1', '192.0.2.1', '192.0.2.1'].map(arrive) as [Socket, Socket, Socket];
  assert.ok(crowd.enter(one));
  assert.ok(crowd.enter(other));
  assert.equal(crowd.enter(third), null);
  assert.ok(crowd.enter(arrive('192.0.2.2')));
  one.emit('close');
  assert.ok(crowd.enter(third));
});

test('who has shown a key makes room for strangers, as far as the address may have connections', () => {
  const crowd = openCrowd({ strangers: 1, perAddress: 2, total: 100 });
  const first = crowd.enter(arrive('192.0.2.1'));
  assert.equal(crowd.enter(arrive('192.0.2.1')), null);
  first?.pass();
  first?.pass();
  assert.ok(crowd.enter(arrive('192.0.2.1')));
  assert.equal(crowd.enter(arrive('192.0.2.1')), null);
});

test('all together are not more than the total, and one that is cut already does not count', () => {
  const crowd = openCrowd({ strangers: 5, perAddress: 5, total: 2 });
  assert.equal(crowd.enter(arrive(undefined)), null);
  assert.ok(crowd.enter(arrive('192.0.2.1')));
  assert.ok(crowd.enter(arrive('192.0.2.2')));
  assert.equal(crowd.enter(arrive('192.0.2.3')), null);
});
