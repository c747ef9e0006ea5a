import { passwordsOf } from '../config/passwords.ts';
import type { Config, SmtpConfig } from '../config.ts';
import { Failure } from '../failure.ts';
import { readMailUrl } from '../model/mail-address.ts';
import type { Notice, NoticeMessage } from '../model/notice.ts';
import { readOutboundRules } from '../outbound/addresses.ts';
import { sendMail } from '../outbound/mail.ts';
import { type OutboundOptions, postOutbound } from '../outbound/post.ts';
import { listHidden } from '../secrets/forms.ts';
import { makeRedactor } from '../secrets/redactor.ts';
import type { Database } from '../store/database.ts';
import { renderMail } from './mail.ts';
import { renderNotice } from './message.ts';
import { getReceiver, type Receivers } from './receivers.ts';

export type TellParts = Pick<OutboundOptions, 'rules' | 'look' | 'timeoutMs'> & {
  readonly db: Database;
  /** Through which mail goes; null when the operator named no server for it. */
  readonly smtp: SmtpConfig | null;
  /** Who is told because deploy.config.json says so. */
  readonly receivers: Receivers;
  /** How users reach Hawser, to say who sent a mail. */
  readonly url: string;
  /** Passwords of the installation, which nobody is told. */
  readonly hidden: readonly string[];
};

/** What the configuration says of telling people. */
export function readTellParts(config: Config, db: Database): TellParts {
  const { notifications, url } = config;
  return { ...notifications, db, url, rules: readOutboundRules(config), hidden: passwordsOf(config) };
}

/** What somebody may mend while a message waits. */
const mendable = new Set(['host_not_found', 'mail_not_set_up']);
/** Refusals of the login (RFC 4954), which say nothing of the mail. */
const loginRefusals = new Set([530, 534, 535, 538]);

type Tried = { readonly status: number | null; readonly answer: string | null; readonly isFinal: boolean };

/** Sends a message once. What goes wrong is in the answer, for people. */
export async function tryOnce(
  { id, notificationId, message }: Pick<Notice, 'id' | 'notificationId' | 'message'>,
  parts: TellParts,
  signal: AbortSignal,
): Promise<Tried> {
  try {
    const { notification, target } = await getReceiver(notificationId, parts.db, parts.receivers);
    const { kind } = notification;
    if (kind === 'mail') return await mailOnce({ id, message, url: target.url }, parts, signal);
    const post = renderNotice(kind, target, { id, message, now: new Date() });
    const { status, text } = await postOutbound(post, toOutbound(parts, signal));
    return { status, answer: text, isFinal: status === 410 };
  } catch (error) {
    const isFinal = error instanceof Failure && !mendable.has(error.code);
    return { status: null, answer: (error as Error).message, isFinal };
  }
}

/** A server says with 4xx that it may take a mail later, and with 5xx that it never will, unless that is of the login. */
async function mailOnce(
  { id, message, url }: { readonly id: string; readonly message: NoticeMessage; readonly url: string },
  parts: TellParts,
  signal: AbortSignal,
): Promise<Tried> {
  const { smtp, hidden } = parts;
  const to = readMailUrl(url);
  if (to === null) throw new Failure('url_not_allowed', 'It is not the address of one person.');
  if (smtp === null) throw noMailServer();
  const mail = { to, id, date: new Date(message.timestamp), ...renderMail(message, parts.url) };
  const { status, text } = await sendMail(mail, smtp, toOutbound(parts, signal));
  return {
    status,
    answer: makeRedactor(listHidden(hidden)).text(text),
    isFinal: status >= 500 && !loginRefusals.has(status),
  };
}

export function noMailServer(): Failure {
  return new Failure('mail_not_set_up', 'No server for mail is named in deploy.config.json.');
}

function toOutbound({ rules, look, timeoutMs }: TellParts, signal: AbortSignal): OutboundOptions {
  return {
    ...{ rules, signal },
    ...(look === undefined ? {} : { look }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  };
}
