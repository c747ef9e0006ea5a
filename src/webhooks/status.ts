import type { DeployState } from '../model/deploy.ts';
import type { Webhook } from '../model/webhook.ts';
import { type OutboundPost, postOutbound } from '../outbound/post.ts';
import { type HookReport, listReports, recordReport } from '../store/hook-reports.ts';
import { findWebhook } from '../store/webhooks.ts';
import type { HookParts } from './perform.ts';

export type CommitStatus = 'pending' | 'success' | 'failure';

const dayMs = 24 * 3_600_000;
// A forge that does not take it is asked a few times, at the pace of the loop.
const mostReports = 10;

/** Tells forges how the deploys of their commits do, where a webhook has a token. */
export async function reportStatuses(parts: HookParts, signal: AbortSignal): Promise<void> {
  const since = new Date(Date.now() - dayMs).toISOString();
  const reports = await listReports(parts.db, since, mostReports);
  const changed = reports.filter(({ state, reported }) => statusOf(state) !== reported);
  // Side by side, so that a forge that is away keeps the others waiting only once.
  await Promise.all(changed.map((report) => reportOne(report, statusOf(report.state), parts, signal)));
}

async function reportOne(
  report: HookReport,
  status: CommitStatus,
  { db, rules, look, log }: HookParts,
  signal: AbortSignal,
): Promise<void> {
  const found = await findWebhook(db, report.webhookId);
  const token = found?.secrets.token ?? null;
  const post = found && token !== null ? planStatus(found.webhook, token, { ...report, status }) : null;
  if (post === null) return recordReport(db, report.id, { reports: mostReports });
  const outbound = { rules, signal, ...(look === undefined ? {} : { look }) };
  const why = await postOutbound(post, outbound).then(
    ({ status: said }) => (said >= 200 && said < 300 ? null : `it answered ${said}`),
    (error: Error) => error.message,
  );
  if (signal.aborted) return;
  if (why === null) return recordReport(db, report.id, { reports: 0, reported: status });
  log.info({ webhook: report.webhookId, deploy: report.deployId, why }, 'a forge did not take a status');
  await recordReport(db, report.id, { reports: report.reports + 1 });
}

export function statusOf(state: DeployState): CommitStatus {
  if (state === 'live') return 'success';
  return ['failed', 'rolled_back', 'cancelled', 'superseded'].includes(state) ? 'failure' : 'pending';
}

type Told = Pick<HookReport, 'commit' | 'deployId' | 'env'> & { readonly status: CommitStatus };

const gitlabStates = { pending: 'pending', success: 'success', failure: 'failed' } as const;
const bitbucketStates = { pending: 'INPROGRESS', success: 'SUCCESSFUL', failure: 'FAILED' } as const;

/** The request of each forge's API for the status of a commit; null where there is none that we know. Pure. */
export function planStatus(
  { forge, repository }: Pick<Webhook, 'forge' | 'repository'>,
  token: string,
  { commit, deployId, env, status }: Told,
): OutboundPost | null {
  const { host, hostname, pathname, protocol } = new URL(repository);
  // ssh has a port of its own; the API is beside the pages.
  const base = protocol === 'ssh:' ? `https://${hostname}` : `${protocol}//${host}`;
  const path = pathname.replace(/^\/+|(?:\.git)?\/*$/g, '');
  const description = `deploy ${deployId} to ${env}: ${status}`;
  const context = `hawser/${env}`;
  const plain = { state: status, context, description };
  switch (forge) {
    case 'github': {
      const api = hostname === 'github.com' ? 'https://api.github.com' : `${base}/api/v3`;
      return post(`${api}/repos/${path}/statuses/${commit}`, { authorization: `Bearer ${token}` }, plain);
    }
    case 'gitea':
      return post(
        `${base}/api/v1/repos/${path}/statuses/${commit}`,
        { authorization: `token ${token}` },
        plain,
      );
    case 'gitlab': {
      const url = `${base}/api/v4/projects/${encodeURIComponent(path)}/statuses/${commit}`;
      return post(
        url,
        { 'private-token': token },
        { state: gitlabStates[status], name: context, description },
      );
    }
    case 'bitbucket': {
      if (hostname !== 'bitbucket.org') return null;
      const url = `https://api.bitbucket.org/2.0/repositories/${path}/commit/${commit}/statuses/build`;
      const body = { key: context, name: context, state: bitbucketStates[status], description, url: base };
      return post(url, { authorization: `Bearer ${token}` }, body);
    }
    case 'generic':
      return null;
  }
}

function post(url: string, login: Readonly<Record<string, string>>, body: object): OutboundPost {
  const headers = { ...login, 'content-type': 'application/json', accept: 'application/json' };
  return { url, headers, body: JSON.stringify(body) };
}
