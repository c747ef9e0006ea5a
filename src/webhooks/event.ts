import type { IncomingHttpHeaders } from 'node:http';
import { z } from 'zod';
import { Failure } from '../failure.ts';
import { anyCommit, type Forge, type ForgeEvent, type ForgeUpdate } from '../model/webhook.ts';

const most = 20;
const oid = z.string().regex(/^[0-9a-f]{40}$|^[0-9a-f]{64}$/);
const gone = /^0+$/;
const ref = z.string().max(500);
const name = z.string().max(500);

const plainPush = z.object({ ref, after: oid, repository: z.object({ full_name: name }).optional() });
const giteaDeletion = z.object({
  ref,
  ref_type: z.enum(['branch', 'tag']),
  repository: z.object({ full_name: name }).optional(),
});
const gitlabPush = z.object({
  ref,
  after: oid,
  project: z.object({ path_with_namespace: name }).optional(),
});
const cloudSide = z.object({ type: z.string(), name, target: z.object({ hash: oid }) });
const cloudPush = z.object({
  push: z.object({
    changes: z.array(z.object({ new: cloudSide.nullish(), old: cloudSide.nullish() })).max(most),
  }),
  repository: z.object({ full_name: name }).optional(),
});
const bitbucketServerPush = z.object({
  changes: z.array(z.object({ ref: z.object({ id: ref }), toHash: oid, type: z.string() })).max(most),
});
const genericPush = z.object({ ref, commit: oid.nullish() });

type Reader = (event: string, body: unknown) => ForgeEvent;

const readers: Readonly<Record<Forge, Reader>> = {
  github(event, body) {
    if (event === 'ping') return { kind: 'ping' };
    if (event !== 'push') return other(event);
    return readPlain(body);
  },
  gitea(event, body) {
    if (event === 'push') return readPlain(body);
    if (event !== 'delete') return other(event);
    const { ref_type: type, repository, ...deleted } = parse(giteaDeletion, body);
    const front = type === 'branch' ? 'refs/heads/' : 'refs/tags/';
    const full = deleted.ref.startsWith('refs/') ? deleted.ref : front + deleted.ref;
    return push(repository?.full_name, [{ ref: full, commit: null }]);
  },
  gitlab(event, body) {
    if (event !== 'Push Hook' && event !== 'Tag Push Hook') return other(event);
    const { ref: changed, after, project } = parse(gitlabPush, body);
    return push(project?.path_with_namespace, [toUpdate(changed, after)]);
  },
  bitbucket(event, body) {
    if (event === 'diagnostics:ping') return { kind: 'ping' };
    if (event === 'repo:push') return readCloud(body);
    if (event !== 'repo:refs_changed') return other(event);
    const { changes } = parse(bitbucketServerPush, body);
    return push(
      undefined,
      changes.map((change) => toUpdate(change.ref.id, change.toHash)),
    );
  },
  generic(_event, body) {
    const { ref: changed, commit } = parse(genericPush, body);
    const full = changed.startsWith('refs/') ? changed : `refs/heads/${changed}`;
    // Without a commit it is whatever the branch is at now.
    return push(undefined, [{ ref: full, commit: commit === undefined ? anyCommit : commit }]);
  },
};

/** What a delivery says, in the forge's own words. Throws `webhook_not_understood`. */
export function readEvent(forge: Forge, headers: IncomingHttpHeaders, body: Buffer): ForgeEvent {
  const eventHeaders: Readonly<Record<Forge, readonly string[]>> = {
    github: ['x-github-event'],
    gitea: ['x-forgejo-event', 'x-gitea-event'],
    gitlab: ['x-gitlab-event'],
    bitbucket: ['x-event-key'],
    generic: [],
  };
  return readers[forge](first(headers, eventHeaders[forge]), parseBody(headers, body));
}

/** The id that a forge gives a delivery, the same when it sends it again; '' when it gives none. */
export function readDelivery(forge: Forge, headers: IncomingHttpHeaders): string {
  const names: Readonly<Record<Forge, readonly string[]>> = {
    github: ['x-github-delivery'],
    gitea: ['x-forgejo-delivery', 'x-gitea-delivery'],
    gitlab: ['webhook-id', 'idempotency-key', 'x-gitlab-event-uuid'],
    bitbucket: ['x-request-uuid', 'x-request-id'],
    generic: ['webhook-id'],
  };
  return first(headers, names[forge]).slice(0, 200);
}

function first(headers: IncomingHttpHeaders, names: readonly string[]): string {
  const value = names.map((each) => headers[each]).find((each) => each !== undefined);
  return typeof value === 'string' ? value : '';
}

/** JSON, or a form with the JSON in `payload`, which some forges send when they are asked to. */
function parseBody(headers: IncomingHttpHeaders, body: Buffer): unknown {
  const isForm = headers['content-type']?.startsWith('application/x-www-form-urlencoded') ?? false;
  const text = isForm
    ? (new URLSearchParams(body.toString('utf8')).get('payload') ?? '')
    : body.toString('utf8');
  try {
    return JSON.parse(text);
  } catch {
    throw new Failure('webhook_not_understood', 'The body is not whole JSON.');
  }
}

function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.join('.').slice(0, 100) || 'the body';
  throw new Failure('webhook_not_understood', `The payload is not that of a push: see ${where}.`);
}

function readPlain(body: unknown): ForgeEvent {
  const { ref: changed, after, repository } = parse(plainPush, body);
  return push(repository?.full_name, [toUpdate(changed, after)]);
}

function readCloud(body: unknown): ForgeEvent {
  const parsed = parse(cloudPush, body);
  const updates = parsed.push.changes.flatMap(({ new: now, old }) => {
    const side = now ?? old;
    if (side == null) return [];
    const front = side.type === 'tag' ? 'refs/tags/' : 'refs/heads/';
    return [{ ref: front + side.name, commit: now?.target.hash ?? null }];
  });
  return push(parsed.repository?.full_name, updates);
}

function toUpdate(changed: string, after: string): ForgeUpdate {
  return { ref: changed, commit: gone.test(after) ? null : after };
}

function push(repository: string | undefined, updates: readonly ForgeUpdate[]): ForgeEvent {
  return { kind: 'push', repository: repository ?? null, updates };
}

function other(event: string): ForgeEvent {
  const what =
    event === '' ? 'an event without a name' : `the event "${event.replace(/\p{Cc}/gu, '').slice(0, 60)}"`;
  return { kind: 'other', why: `${what} deploys nothing` };
}
