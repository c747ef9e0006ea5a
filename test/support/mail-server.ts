import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import type { SmtpConfig } from '../../src/config.ts';

const tls = join(import.meta.dirname, '..', 'fixtures', 'tls');

export type ReceivedMail = {
  readonly from: string;
  readonly to: readonly string[];
  readonly user: string | undefined;
  readonly isSecure: boolean;
  /** The lines of the header, folded ones joined. */
  readonly header: readonly string[];
  readonly body: string;
};

/** A real SMTP server on a loopback port, gone when the test ends; `answers` are errors for the next mails. */
export async function openMailServer(t: TestContext, options: SMTPServerOptions = {}, answers: Error[] = []) {
  const received: ReceivedMail[] = [];
  let tried = 0;
  const server = new SMTPServer({
    ...{ authOptional: true, allowInsecureAuth: true, logger: false, disableReverseLookup: true },
    key: readFileSync(join(tls, 'one.key')),
    cert: readFileSync(join(tls, 'one.crt')),
    onAuth({ username, password }, _session, done) {
      if (username === 'hawser' && password === 'correct horse') done(null, { user: 'hawser' });
      else done(Object.assign(new Error(`5.7.8 ${username} is not let in`), { responseCode: 535 }));
    },
    onData(stream, { envelope, user, secure }, done) {
      tried += 1;
      void text(stream).then((whole) => {
        const answer = answers.shift();
        if (answer !== undefined) return done(answer);
        const [head = '', ...rest] = whole.split('\r\n\r\n');
        received.push({
          from: envelope.mailFrom === false ? '' : envelope.mailFrom.address,
          to: envelope.rcptTo.map(({ address }) => address),
          user: typeof user === 'string' ? user : undefined,
          isSecure: secure,
          header: head.replace(/\r\n[ \t]+/g, ' ').split('\r\n'),
          body: rest.join('\r\n\r\n'),
        });
        done();
      });
    },
    ...options,
  });
  server.on('error', () => undefined);
  const listening = server.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  t.after(() => new Promise<void>((resolve) => server.close(() => resolve())));
  const { port } = listening.address() as AddressInfo;
  const smtp: SmtpConfig = {
    ...{ host: '127.0.0.1', port, security: 'none', from: 'hawser@example.com' },
    ...{ username: null, password: null, ca: null },
  };
  return { smtp, received, tries: () => tried };
}

/** What an SMTP server says no with. */
export function refuse(responseCode: number, message: string): Error {
  return Object.assign(new Error(message), { responseCode });
}

export const trusted = join(tls, 'one.crt');
