import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openLoginGate } from '../../src/api/logins.ts';
import {
  computeTotp,
  findTotpStep,
  formatTotpUri,
  parseBase32,
  serializeBase32,
} from '../../src/model/totp.ts';
import { hashPassword, verifyPassword } from '../../src/store/access/password.ts';

const secret = Buffer.from('12345678901234567890');

test('codes are those of RFC 6238, appendix B, and of RFC 4226, appendix D', () => {
  const vectors: readonly (readonly [number, string])[] = [
    [59, '94287082'],
    [1_111_111_109, '07081804'],
    [1_111_111_111, '14050471'],
    [1_234_567_890, '89005924'],
    [2_000_000_000, '69279037'],
    [20_000_000_000, '65353130'],
  ];
  for (const [seconds, code] of vectors) {
    assert.equal(computeTotp(secret, Math.floor(seconds / 30), 8), code, String(seconds));
  }
  const counted = ['755224', '287082', '359152', '969429', '338314', '254676', '287922', '162583', '399871'];
  for (const [count, code] of counted.entries()) assert.equal(computeTotp(secret, count), code);
});

test('a code holds for its step and the two beside it, once, and nothing but six digits is one', () => {
  const text = serializeBase32(secret);
  assert.deepEqual(parseBase32(text), secret);
  const nowMs = 1_111_111_111_000;
  const step = Math.floor(nowMs / 30_000);
  for (const by of [-1, 0, 1]) {
    assert.equal(findTotpStep(text, computeTotp(secret, step + by), nowMs, 0), step + by);
  }
  assert.equal(findTotpStep(text, computeTotp(secret, step), nowMs, step), null);
  for (const by of [-2, 2]) assert.equal(findTotpStep(text, computeTotp(secret, step + by), nowMs, 0), null);
  const code = computeTotp(secret, step);
  for (const wrong of ['', `${code}0`, code.slice(1), ` ${code}`, 'ééé', '١٢٣٤٥٦']) {
    assert.equal(findTotpStep(text, wrong, nowMs, 0), null, wrong);
  }
  assert.equal(formatTotpUri('Hawser', 'ada', 'ABC'), 'otpauth://totp/Hawser:ada?secret=ABC&issuer=Hawser');
});

test('a password is known by a slow hash that names its cost, however its letters are written', async () => {
  const hash = await hashPassword('caf\u00e9 correct horse');
  assert.match(hash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  assert.ok(await verifyPassword('cafe\u0301 correct horse', hash));
  assert.equal(await verifyPassword('cafe correct horse', hash), false);
  assert.equal(await verifyPassword('anything', null), false);
  assert.notEqual(await hashPassword('caf\u00e9 correct horse'), hash);
});

test('who guesses waits longer and longer, by user and by address; a right one, or an hour, ends it', () => {
  let now = 0;
  const gate = openLoginGate(() => now);
  const isOpen = (user: string, address = '10.0.0.1') => {
    try {
      gate.admit(user, address);
      return true;
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'too_many_logins');
      return false;
    }
  };
  for (let tries = 0; tries < 5; tries += 1) {
    assert.ok(isOpen('ada'));
    gate.fail('ada', '10.0.0.1');
  }
  assert.ok(!isOpen('ada') && !isOpen('ada', '10.0.0.2') && isOpen('bob'));
  now += 1_001;
  assert.ok(isOpen('ada'));
  gate.fail('ada', '10.0.0.1');
  now += 1_001;
  assert.ok(!isOpen('ada'));
  now += 1_000;
  assert.ok(isOpen('ada'));
  for (let tries = 0; tries < 40; tries += 1) gate.fail('ada', '10.0.0.1');
  now += 299_000;
  assert.ok(!isOpen('ada') && !isOpen('bob') && isOpen('bob', '10.0.0.2'));
  now += 1_001;
  assert.ok(isOpen('ada'));
  gate.pass('ada');
  gate.fail('ada', '10.0.0.1');
  assert.ok(isOpen('ada', '10.0.0.2') && !isOpen('ada'));
  // A flood of names pushes the oldest out and grows no further.
  for (let name = 0; name < 11_000; name += 1) gate.fail(`n${name}`, `10.1.${name % 250}.1`);
  assert.ok(isOpen('n1'));
});
