import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { examineMail } from '../../src/api/doctor/mail.ts';
import type { SmtpConfig } from '../../src/config.ts';
import type { DeployState } from '../../src/model/deploy.ts';
import { noticeEvents } from '../../src/model/notice.ts';
import { listNotices } from '../../src/store/notices.ts';
import { addNotification } from '../../src/store/notifications.ts';
import { readTellParts, type TellParts } from '../../src/webhooks/deliver.ts';
import { tellPeople } from '../../src/webhooks/tell.ts';
import { openApiWorld } from '../support/api-world.ts';
import { openMailServer, refuse, trusted } from '../support/mail-server.ts';

/** Somebody who is told of shop/production by mail, through a server as it is given. */
async function open(t: TestContext, smtp: SmtpConfig) {
  const api = await openApiWorld(t);
  const { db } = api;
  const { notification } = await addNotification(db, {
    ...{ kind: 'mail', events: noticeEvents, appId: null },
    ...{ url: 'mailto:ops@example.com', actor: 'ops' },
  });
  const tell = (changed: Partial<TellParts> = {}) =>
    tellPeople({ ...readTellParts(api.config, db), smtp, ...changed }, new AbortController().signal);
  return {
    api,
    db,
    tell,
    /** As if the time until the next try had gone by. */
    skipWait: () => db.updateTable('notices').set({ next_ms: 0 }).execute(),
    last: async () => (await listNotices(db, notification.id, 1))[0],
    async end(how: DeployState & ('live' | 'failed')) {
      await api.finish(await api.queue(), how);
    },
  };
}

const headerOf = (header: readonly string[], name: string) =>
  header.find((line) => line.toLowerCase().startsWith(`${name}: `))?.slice(name.length + 2);

test('who is told by mail reads what happened; the login goes after STARTTLS alone', async (t) => {
  const server = await openMailServer(t, { allowInsecureAuth: false, authOptional: false });
  const login = { security: 'starttls', username: 'hawser', password: 'correct horse' } as const;
  const world = await open(t, { ...server.smtp, ...login, host: 'localhost', ca: trusted });
  await world.end('live');
  // At the first of its addresses it does not listen.
  const look = async () => ['127.0.0.2', '127.0.0.1'].map((address) => ({ address, family: 4 }));
  await world.tell({ look });
  await world.skipWait();
  await world.tell({ look });
  const [mail] = server.received;
  assert.ok(mail, JSON.stringify(await world.last()));
  assert.equal(server.received.length, 1);
  assert.deepEqual(
    [mail.from, mail.to, mail.user, mail.isSecure],
    ['hawser@example.com', ['ops@example.com'], 'hawser', true],
  );
  assert.equal(headerOf(mail.header, 'subject'), '[hawser] shop/production v1 live');
  assert.equal(headerOf(mail.header, 'from'), 'Hawser <hawser@example.com>');
  assert.equal(headerOf(mail.header, 'content-type'), 'text/plain; charset=utf-8');
  assert.equal(headerOf(mail.header, 'auto-submitted'), 'auto-generated');
  assert.match(mail.body, /^shop\/production: deploy 1 of 0000000 by test is live\r\n/);
  for (const fact of ['Release      v1', 'Ref          main', 'Author       Ada <ada@example.com>']) {
    assert.ok(mail.body.split('\r\n').includes(fact), `${fact} in ${mail.body}`);
  }
  const notice = await world.last();
  assert.deepEqual([notice?.state, notice?.status, notice?.attempts], ['sent', 250, 1]);
});

test('TLS from the first byte works; without a certificate that is trusted nothing is said', async (t) => {
  const secure = await openMailServer(t, { secure: true });
  const good = await open(t, { ...secure.smtp, security: 'tls', ca: trusted });
  await good.end('failed');
  await good.tell();
  const [mail] = secure.received;
  assert.equal(mail?.isSecure, true);
  assert.equal(headerOf(mail?.header ?? [], 'subject'), '[hawser] shop/production deploy 1 failed');
  assert.match(mail?.body ?? '', /\r\nReason {7}step 3 failed\r\nCode {9}build_failed\r\n/);

  const logins: string[] = [];
  const login = { username: 'hawser', password: 'correct horse' };
  const onAuth = () => void logins.push('tried');
  const strange = await openMailServer(t, { onAuth });
  await good.end('live');
  await good.tell({ smtp: { ...strange.smtp, ...login, security: 'starttls' } });
  const waiting = await good.last();
  assert.deepEqual([waiting?.state, waiting?.status], ['waiting', null]);
  assert.match(waiting?.answer ?? '', /self-signed certificate/);
  const plain = await openMailServer(t, { onAuth, disabledCommands: ['STARTTLS'] });
  await good.skipWait();
  await good.tell({ smtp: { ...plain.smtp, ...login, security: 'starttls' } });
  assert.equal((await good.last())?.status, 500);
  assert.deepEqual([logins, strange.tries(), plain.tries()], [[], 0, 0]);
});

test('a server that may take it later is asked again, with the same id; one that says never is not', async (t) => {
  const busy = await openMailServer(t, {}, [
    refuse(451, '4.7.1 come back later'),
    refuse(421, '4.3.2 closing'),
  ]);
  const world = await open(t, busy.smtp);
  await world.end('live');
  await world.tell();
  const first = await world.last();
  assert.deepEqual([first?.state, first?.status], ['waiting', 451]);
  assert.match(first?.answer ?? '', /come back later/);
  for (let n = 0; n < 4; n += 1) {
    await world.skipWait();
    await world.tell();
  }
  const notice = await world.last();
  assert.deepEqual([notice?.state, notice?.attempts, busy.received.length], ['sent', 3, 1]);
  assert.equal(headerOf(busy.received[0]?.header ?? [], 'message-id'), `<${notice?.id}@example.com>`);

  const stern = await openMailServer(t, {
    onRcptTo: ({ address }, _session, done) => done(refuse(550, `5.1.1 no ${address} here`)),
  });
  await world.end('failed');
  await world.tell({ smtp: stern.smtp });
  await world.skipWait();
  await world.tell({ smtp: stern.smtp });
  const given = await world.last();
  assert.deepEqual([given?.state, given?.status, given?.attempts], ['failed', 550, 1]);
  assert.match(given?.answer ?? '', /^5\.1\.1 no ops@example\.com here/);
});

test('a login that is refused is told without its password, by the doctor too, and the mail waits', async (t) => {
  const password = 'wrong-battery-staple';
  const server = await openMailServer(t, {
    onAuth: (auth, _session, done) => done(refuse(535, `5.7.8 what is "${auth.password}"?`)),
  });
  const world = await open(t, { ...server.smtp, username: 'hawser', password });
  await world.end('live');
  await world.tell({ hidden: [password] });
  const notice = await world.last();
  assert.deepEqual([notice?.state, notice?.status], ['waiting', 535]);
  assert.match(notice?.answer ?? '', /what is "\[redacted\]"\?/);

  const examine = (smtp: SmtpConfig) =>
    examineMail({
      config: { ...world.api.config, notifications: { ...world.api.config.notifications, smtp } },
    });
  const [finding] = await examine({ ...server.smtp, username: 'hawser', password });
  assert.equal(finding?.state, 'failed');
  assert.match(finding?.detail ?? '', /127\.0\.0\.1:\d+: 535 .*what is "\[redacted\]"\?/);
  const { smtp } = await openMailServer(t);
  const [well] = await examine({ ...smtp, username: 'hawser', password: 'correct horse' });
  assert.deepEqual([well?.state, well?.fix], ['ok', null]);
  const [gone] = await examine({ ...smtp, port: 1 });
  assert.match(gone?.detail ?? '', /ECONNREFUSED/);
});

test('names that people chose make no header, no line and no other receiver; values of variables stay out', async (t) => {
  const server = await openMailServer(t);
  const world = await open(t, server.smtp);
  const deploy = await world.api.queue();
  const evil = 'x\r\nBcc: eve@example.com\r\n\r\n\u2028<b>\u202ehi';
  await world.db
    .updateTable('sources')
    .set({
      ref: `refs/heads/${evil}`,
      author: `Eve\rBcc: eve@example.com`,
      message: 'uses postgres://secret',
    })
    .execute();
  await world.db.updateTable('deploys').set({ actor: `ci\r\nTo: eve@example.com` }).execute();
  await world.api.finish(deploy);
  await world.tell();
  const [mail] = server.received;
  assert.deepEqual([server.received.length, mail?.to], [1, ['ops@example.com']]);
  const names = (mail?.header ?? []).map((line) => line.split(':')[0]?.toLowerCase());
  assert.deepEqual(names.toSorted(), [
    ...['auto-submitted', 'content-transfer-encoding', 'content-type', 'date', 'from', 'message-id'],
    ...['mime-version', 'subject', 'to'],
  ]);
  assert.equal(headerOf(mail?.header ?? [], 'to'), 'ops@example.com');
  const lines = (mail?.body ?? '').split('\r\n');
  assert.deepEqual(
    lines.filter((line) => /^(?:Bcc|To):|^<b>/.test(line)),
    [],
  );
  assert.ok(lines.includes('Change       uses [redacted]'));
});

test('the server must be public, or be named by its address; one that says nothing is left in time', async (t) => {
  const server = await openMailServer(t);
  const world = await open(t, server.smtp);
  await world.end('live');
  const look = async () => [{ address: '127.0.0.1', family: 4 }];
  await world.tell({ smtp: { ...server.smtp, host: 'mail.example.com' }, look });
  const notice = await world.last();
  assert.deepEqual([notice?.state, notice?.status, server.received.length], ['failed', null, 0]);
  assert.match(notice?.answer ?? '', /not public/);

  const silent = createServer((socket) => void socket.resume()).listen(0, '127.0.0.1');
  t.after(() => silent.close());
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  await world.end('live');
  await world.tell({ smtp: { ...server.smtp, port }, timeoutMs: 300 });
  assert.match((await world.last())?.answer ?? '', /no answer within 300 ms/);
});

test('mail is added for one plain address, and when there is a server for it', async (t) => {
  const api = await openApiWorld(t);
  const token = await api.makeToken(null, 'admin');
  const add = (url: string) =>
    api.ask('POST', '/api/v1/notifications', { token, body: { kind: 'mail', url } });
  assert.equal((await add('mailto:ops@example.com')).json.code, 'mail_not_set_up');
  const evil = [
    'ops@example.com',
    'mailto:a@b.c,d@e.f',
    'mailto:a@b.c?bcc=d@e.f',
    'mailto:a@b.c\r\nBcc: d@e.f',
  ];
  for (const url of [...evil, 'mailto:"a b"@c.d', 'mailto:<a@b.c>', 'https://a.example']) {
    assert.deepEqual([(await add(url)).json.code, url], ['url_not_allowed', url]);
  }
});
