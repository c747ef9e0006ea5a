import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import type { Transporter } from 'nodemailer';
import type { SmtpConfig } from '../config.ts';
import type { OutboundRules } from './addresses.ts';
import type { OutboundAnswer, OutboundOptions } from './post.ts';
import { pinAddresses } from './resolve.ts';

/** Plain text to one address. */
export type OutboundMail = {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  /** The same whenever it is sent again, so that a mail program shows it once. */
  readonly id: string;
  readonly date: Date;
};

// Some servers let a stranger wait before they greet.
const wholeMs = 30_000;
const keptCharacters = 1024;

/**
 * Hands a mail to the server that the operator named. Its answer is told as it is, a refusal too, with the status of
 * RFC 5321. Throws `url_not_allowed`, `host_not_found` and what the connection throws: also when TLS is wanted and not
 * to be had, or the certificate is not that of the host, and then neither login nor mail was sent.
 */
export async function sendMail(
  mail: OutboundMail,
  smtp: SmtpConfig,
  options: OutboundOptions,
): Promise<OutboundAnswer> {
  return talkTo(smtp, options, async (transport, signal) => {
    const { response } = await transport.sendMail({
      ...{ from: { name: 'Hawser', address: smtp.from }, to: { name: '', address: mail.to } },
      ...{ subject: mail.subject, text: mail.text, date: mail.date, signal },
      messageId: `<${mail.id}@${smtp.from.slice(smtp.from.indexOf('@') + 1)}>`,
      // No holiday notice is wanted as an answer.
      headers: { 'Auto-Submitted': 'auto-generated' },
    });
    return response;
  });
}

/**
 * Whether mail could be handed over: greets, begins TLS and logs in as `sendMail` does, and sends nothing. The answer
 * and what is thrown are those of `sendMail`.
 */
export async function greetMailServer(smtp: SmtpConfig, options: OutboundOptions): Promise<OutboundAnswer> {
  return talkTo(smtp, options, async (transport) => {
    await transport.verify();
    return '250 ready';
  });
}

/** Answers with what the server said. */
type Talk = (transport: Transporter, signal: AbortSignal) => Promise<string | undefined>;

async function talkTo(
  smtp: SmtpConfig,
  { rules, timeoutMs = wholeMs, look, signal }: OutboundOptions,
  talk: Talk,
): Promise<OutboundAnswer> {
  const pinned = await pinAddresses(new URL(`smtp://${bracket(smtp.host)}`), withOwn(rules, smtp), look);
  const limit = AbortSignal.timeout(timeoutMs);
  const ending = signal === undefined ? limit : AbortSignal.any([limit, signal]);
  try {
    return await talkToAny(pinned, { smtp, timeoutMs, signal: ending, talk });
  } catch (error) {
    if (limit.aborted) throw new Error(`no answer within ${timeoutMs} ms`, { cause: error });
    throw error;
  }
}

type Pinned = Awaited<ReturnType<typeof pinAddresses>>;
type Way = {
  readonly smtp: SmtpConfig;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly talk: Talk;
};

/** Many a host has an address at which it does not listen: as long as nothing was said the next one is tried. */
async function talkToAny([{ address }, next, ...others]: Pinned, way: Way): Promise<OutboundAnswer> {
  try {
    return await talkAt(address, way);
  } catch (error) {
    if (next === undefined || (error as NodeJS.ErrnoException).syscall !== 'connect') throw error;
    return talkToAny([next, ...others], way);
  }
}

async function talkAt(host: string, { smtp, timeoutMs, signal, talk }: Way): Promise<OutboundAnswer> {
  const ca = smtp.ca === null ? {} : { ca: await readFile(smtp.ca) };
  const login = smtp.username === null ? {} : { auth: { user: smtp.username, pass: smtp.password ?? '' } };
  // Read by the first mail: most installations send none.
  const { createTransport } = await import('nodemailer');
  const transport = createTransport({
    ...{ host, port: smtp.port, ...login, ...planSecurity(smtp, ca) },
    ...{ connectionTimeout: timeoutMs, greetingTimeout: timeoutMs, socketTimeout: timeoutMs },
    ...{ disableFileAccess: true, disableUrlAccess: true, logger: false },
  });
  try {
    const response = (await talk(transport, signal)) ?? '';
    return toAnswer(Number(response.slice(0, 3)), response);
  } catch (error) {
    const { responseCode, response } = error as { responseCode?: number; response?: string };
    if (responseCode === undefined) throw error;
    return toAnswer(responseCode, response ?? '');
  }
}

function planSecurity({ security, host }: SmtpConfig, ca: { readonly ca?: Buffer }) {
  return {
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    tls: { ...ca, servername: isIP(host) === 0 ? host : '', minVersion: 'TLSv1.2' as const },
  };
}

/** The words behind the number. */
function toAnswer(status: number, response: string): OutboundAnswer {
  const text = response.replace(/^\d{3}[ -]/, '').replace(/\p{Cc}+/gu, ' ');
  return { status, text: text.slice(0, keptCharacters).trim() };
}

/** An address that the operator wrote down is meant; a name must lead where every other URL may lead. */
function withOwn(rules: OutboundRules, { host }: SmtpConfig): OutboundRules {
  const own = host === 'localhost' ? ['127.0.0.0/8', '::1/128'] : [`${host}/${isIP(host) === 6 ? 128 : 32}`];
  return isIP(host) === 0 && host !== 'localhost' ? rules : { ...rules, allow: [...rules.allow, ...own] };
}

function bracket(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host;
}
