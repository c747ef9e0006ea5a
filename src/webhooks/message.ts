import type { Source } from '../model/app.ts';
import type { Deploy } from '../model/deploy.ts';
import type { NoticeEvent, NoticeKind, NoticeMessage } from '../model/notice.ts';
import type { NotificationTarget } from '../store/notifications.ts';
import { signStandard } from './signature.ts';

type ToldDeploy = Pick<Deploy, 'id' | 'actor' | 'failureCode' | 'failureMessage'> & {
  readonly app: string;
  readonly env: string;
  /** Number of the release that it made. */
  readonly release: number | null;
  readonly source: Pick<Source, 'commit' | 'ref' | 'author' | 'message'> | null;
};

const ends: Readonly<Record<string, string>> = {
  'deploy.live': 'is live',
  'deploy.failed': 'failed',
  'deploy.rolled_back': 'was rolled back',
  'approval.needed': 'waits for approval',
};

/** What is told of a deploy; `hide` takes secrets out of what people and programs wrote. Pure. */
export function describeDeployEvent(
  type: NoticeEvent,
  timestamp: string,
  deploy: ToldDeploy,
  hide: (text: string) => string,
): NoticeMessage {
  const { id, actor, app, env, release, source, failureCode: code, failureMessage } = deploy;
  const commit = source?.commit ?? null;
  const message = hide(firstLine(failureMessage));
  const failure = code === null ? null : { code, message };
  const why = failure === null ? '' : `: ${message} (${code})`;
  const next = type === 'approval.needed' ? `; hawser approvals:grant ${id}` : '';
  const what = commit === null ? '' : ` of ${commit.slice(0, 7)}`;
  const text = `${app}/${env}: deploy ${id}${what} by ${actor} ${ends[type] ?? type}${why}${next}`;
  const change =
    source === null
      ? { ref: null, author: null, change: null }
      : {
          ref: hide(source.ref),
          author: hide(firstLine(source.author)),
          change: hide(firstLine(source.message)),
        };
  return {
    type,
    timestamp,
    data: { text, app, env, deploy: id, release, commit, ...change, actor, failure },
  };
}

function firstLine(text: string | null): string {
  return text?.split('\n')[0]?.slice(0, 300) ?? '';
}

export function describeServerEvent(type: NoticeEvent, timestamp: string, server: string): NoticeMessage {
  const text = type === 'server.lost' ? `${server} is out of reach` : `${server} is back`;
  return { type, timestamp, data: { text, server } };
}

/** What goes over HTTP. */
export type PostedKind = Exclude<NoticeKind, 'mail'>;

export type Rendered = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

/** A message in the words of its receiver; JSON is signed as Standard Webhooks has it. */
export function renderNotice(
  kind: PostedKind,
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

const bodies: Readonly<Record<PostedKind, (message: NoticeMessage) => object>> = {
  json: (message) => message,
  // Nothing that somebody wrote into a message calls people or makes a link.
  slack: ({ data }) => ({
    text: data.text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;'),
  }),
  discord: ({ data }) => ({ content: data.text.slice(0, 1900), allowed_mentions: { parse: [] } }),
};
