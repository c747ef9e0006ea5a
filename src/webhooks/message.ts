import type { Deploy } from '../model/deploy.ts';
import type { NoticeEvent, NoticeKind, NoticeMessage } from '../model/notice.ts';
import type { NotificationTarget } from '../store/notifications.ts';
import { signStandard } from './signature.ts';

type ToldDeploy = Pick<Deploy, 'id' | 'actor' | 'failureCode' | 'failureMessage'> & {
  readonly app: string;
  readonly env: string;
  readonly commit: string | null;
};

const ends: Readonly<Record<string, string>> = {
  'deploy.live': 'is live',
  'deploy.failed': 'failed',
  'deploy.rolled_back': 'was rolled back',
  'approval.needed': 'waits for approval',
};

/** What is told of a deploy. Pure. */
export function describeDeployEvent(type: NoticeEvent, timestamp: string, deploy: ToldDeploy): NoticeMessage {
  const { id, actor, app, env, commit, failureCode: code, failureMessage } = deploy;
  const message = failureMessage?.split('\n')[0]?.slice(0, 300) ?? '';
  const failure = code === null ? null : { code, message };
  const why = failure === null ? '' : `: ${message} (${code})`;
  const next = type === 'approval.needed' ? `; hawser approvals:grant ${id}` : '';
  const what = commit === null ? '' : ` of ${commit.slice(0, 7)}`;
  const text = `${app}/${env}: deploy ${id}${what} by ${actor} ${ends[type] ?? type}${why}${next}`;
  return { type, timestamp, data: { text, app, env, deploy: id, commit, actor, failure } };
}

export function describeServerEvent(type: NoticeEvent, timestamp: string, server: string): NoticeMessage {
  const text = type === 'server.lost' ? `${server} is out of reach` : `${server} is back`;
  return { type, timestamp, data: { text, server } };
}

export type Rendered = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

/** A message in the words of its receiver; JSON is signed as Standard Webhooks has it. */
export function renderNotice(
  kind: NoticeKind,
  target: NotificationTarget,
  { id, message, now }: { readonly id: string; readonly message: NoticeMessage; readonly now: Date },
): Rendered {
  const body = JSON.stringify(bodies[kind](message));
  const headers = { 'content-type': 'application/json; charset=utf-8' };
  if (target.secret === null) return { url: target.url, headers, body };
  const timestamp = String(Math.floor(now.getTime() / 1000));
  const signature = `v1,${signStandard(target.secret, { id, timestamp, body })}`;
  const signed = { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature };
  return { url: target.url, headers: { ...headers, ...signed }, body };
}

const bodies: Readonly<Record<NoticeKind, (message: NoticeMessage) => object>> = {
  json: (message) => message,
  // Nothing that somebody wrote into a message calls people or makes a link.
  slack: ({ data }) => ({
    text: data.text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;'),
  }),
  discord: ({ data }) => ({ content: data.text.slice(0, 1900), allowed_mentions: { parse: [] } }),
};
