import assert from 'node:assert/strict';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { planApply } from '../../src/config/difference.ts';
import { passwordsOf } from '../../src/config/passwords.ts';
import { readConfig } from '../../src/config.ts';
import { noticeEvents } from '../../src/model/notice.ts';
import { makeFolder, read, refusal } from '../support/config-file.ts';

const certificate = join(import.meta.dirname, '..', 'fixtures', 'tls', 'one.crt');
const smtp = { host: 'mail.example.com', from: 'hawser@example.com' };

/** The mistakes of that part of the file, without lines. */
function mistakes(t: TestContext, notifications: unknown, env: NodeJS.ProcessEnv = {}): string[] {
  const { message } = refusal(t, { notifications }, env);
  const lines = message.split('\n').slice(1);
  return lines.map((line) => line.trim().replace(/ \[line \d+\]$/, ''));
}

test('a server for mail has the port of its kind of TLS, and its password comes from outside', (t) => {
  const ports = ['starttls', 'tls'].map(
    (security) => read(t, { notifications: { smtp: { ...smtp, security } } }).notifications.smtp?.port,
  );
  assert.deepEqual(ports, [587, 465]);
  const login = { username: 'hawser', password: { env: 'SMTP_PASSWORD' } };
  const config = read(
    t,
    { notifications: { smtp: { ...smtp, ...login } } },
    { SMTP_PASSWORD: 'correct horse' },
  );
  assert.deepEqual(config.notifications.smtp, {
    ...{ host: 'mail.example.com', port: 587, security: 'starttls', from: 'hawser@example.com' },
    ...{ username: 'hawser', password: 'correct horse', ca: null },
  });
  assert.ok(passwordsOf(config).includes('correct horse'));
  const { lines } = planApply(read(t, {}), config);
  assert.doesNotMatch(lines.join('\n'), /correct/);
});

test('trusted certificates are a file beside the configuration, and it is read when that is checked', (t) => {
  const folder = makeFolder(t);
  const file = join(folder, 'deploy.config.json');
  copyFileSync(certificate, join(folder, 'ca.pem'));
  writeFileSync(file, JSON.stringify({ notifications: { smtp: { ...smtp, ca: 'ca.pem' } } }));
  assert.equal(readConfig(file, {}).notifications.smtp?.ca, join(folder, 'ca.pem'));
  assert.match(
    mistakes(t, { smtp: { ...smtp, ca: '/nonexistent/ca.pem' } })[0] ?? '',
    /^notifications\.smtp\.ca: \/nonexistent\/ca\.pem must be a certificate in PEM: there is no such file/,
  );
});

test('every mistake in the server for mail is told at once', (t) => {
  const wrong = { from: 'Ops <ops@x.y>', host: 'a b', security: 'ssl', usernam: 'x' };
  assert.deepEqual(
    new Set(mistakes(t, { smtp: wrong })),
    new Set([
      'notifications.smtp.host: must be a host name or an IP address',
      'notifications.smtp.security: must be "starttls", "tls" or "none"',
      'notifications.smtp.from: must be one plain address, like "hawser@example.com"',
      'notifications.smtp.usernam: unknown key "usernam" (did you mean "username"?)',
    ]),
  );
  assert.deepEqual(
    mistakes(t, { smtp: { ...smtp, security: 'none', username: 'hawser', ca: certificate } }),
    [
      'notifications.smtp: username and password go together; one of them is missing',
      'notifications.smtp.security: would send mail, and a password, where others can read them ("none" is for a server on the loopback; use "starttls" or "tls")',
      'notifications.smtp.ca: has no effect without TLS (leave it out)',
    ],
  );
});

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const chat = 'https://chat.example.com/in/s3cret?a=b';

test('receivers have their addresses and secrets from outside, and none of them is shown', (t) => {
  const receivers = {
    ops: { kind: 'mail', to: 'ops@example.com' },
    chat: { kind: 'slack', to: { env: 'CHAT' }, events: ['deploy.failed'], environments: ['production'] },
    env: { kind: 'json', to: 'https://ci.example.com/', secret: { env: 'SIGN' }, apps: ['shop'] },
  };
  const config = read(t, { notifications: { smtp, receivers } }, { CHAT: chat, SIGN: secret });
  assert.deepEqual(config.notifications.receivers, {
    ops: {
      kind: 'mail',
      to: 'mailto:ops@example.com',
      secret: null,
      events: noticeEvents,
      apps: null,
      environments: null,
    },
    chat: {
      kind: 'slack',
      to: chat,
      secret: null,
      events: ['deploy.failed'],
      apps: null,
      environments: ['production'],
    },
    env: {
      kind: 'json',
      to: 'https://ci.example.com/',
      secret,
      events: noticeEvents,
      apps: ['shop'],
      environments: null,
    },
  });
  for (const hidden of [chat, secret]) assert.ok(passwordsOf(config).includes(hidden));
  const env = { CHAT: `${chat}x`, SIGN: secret };
  const changed = { ops: { ...receivers.ops, events: ['deploy.live'] }, chat: receivers.chat };
  const next = read(t, { notifications: { smtp, receivers: changed } }, env);
  const lines = planApply(config, next).lines.filter((line) => line.includes(' notifications.'));
  assert.deepEqual(lines, [
    '~ notifications.receivers.chat.to: changed (not shown)',
    '- notifications.receivers.env',
    `~ notifications.receivers.ops.events: ${noticeEvents.join(', ')} → deploy.live`,
  ]);
});

test('every mistake in the receivers is told at once, and no value of them', (t) => {
  const receivers = {
    a: { kind: 'slak', to: chat },
    b: { kind: 'mail', to: 'Ops <ops@example.com>', secret, apps: ['Shop'] },
    c: { kind: 'slack', to: 'ftp://user:s3cret@chat.example.com/', environments: ['prodution'] },
    d: { kind: 'json', to: 'https://u:s3cret@chat.example.com/', secret: 's3cret', event: ['deploy.live'] },
    e: { kind: 'json', to: { env: 'MISSING' }, events: ['server.lost', 'deploy.lost'], apps: ['shop'] },
  };
  const found = mistakes(t, { receivers });
  const notUrl = 'must be a URL that begins with "https://" or "http://", without user or password';
  assert.deepEqual(
    new Set(found.map((line) => line.replace('notifications.receivers.', ''))),
    new Set([
      'a.kind: must be one of: json, slack, discord, mail',
      'b.kind: needs a server for mail (add notifications.smtp)',
      'b.to: must be one plain address, like "ops@example.com"',
      'b.secret: has no effect, only "json" is signed (leave it out)',
      'b.apps[0]: must be the name of an app',
      `c.to: ${notUrl}`,
      'c.environments[0]: unknown environment "prodution" (did you mean "production"?)',
      `d.to: ${notUrl}`,
      'd.secret: must be "whsec_" and the base64 of 24 to 64 bytes',
      'd.event: unknown key "event" (did you mean "events"?)',
      'e.to: the environment variable "MISSING" is not set',
      'e.events[0]: "server.lost" is of no app and no environment (name it in a receiver without "apps" and "environments")',
      `e.events[1]: must be one of: ${noticeEvents.join(', ')}`,
    ]),
  );
  assert.doesNotMatch(found.join('\n'), /s3cret/);
});
