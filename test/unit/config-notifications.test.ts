import assert from 'node:assert/strict';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { planApply } from '../../src/config/difference.ts';
import { passwordsOf } from '../../src/config/passwords.ts';
import { readConfig } from '../../src/config.ts';
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
