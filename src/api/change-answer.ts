import { Failure } from '../failure.ts';
import type { Actor } from '../model/access.ts';
import type { App } from '../model/app.ts';
import { describeChange, isEmptyChange, type WantedChange } from '../model/settings-change.ts';
import type { Place } from '../store/apps.ts';
import { getDeploy } from '../store/deploys.ts';
import { readRevision } from '../store/settings.ts';
import type { ApiDesk } from './desk.ts';
import type { Answer } from './route.ts';
import { describeDeploy } from './view.ts';

type Asked = {
  readonly desk: ApiDesk;
  readonly app: App;
  readonly place: Place;
  readonly actor: Actor;
  readonly body: {
    readonly env?: string | undefined;
    readonly overrideFreeze?: string | undefined;
    readonly plan: boolean;
  };
  readonly ifMatch: string | undefined;
  readonly signal: AbortSignal;
};

/** Names what an environment's settings are now, and tells nothing of them. */
export function etagOf(environmentId: string, revision: number): string {
  return `"${environmentId}-${revision}"`;
}

/** The revision that `If-Match` asks for; null for any, -1 for what never was. Throws `invalid_input`. Pure. */
export function readIfMatch(header: string | undefined, environmentId: string): number | null {
  if (header === undefined || header.trim() === '*') return null;
  const [, id, revision] = /^"(\w{1,40})-(\d{1,15})"$/.exec(header.trim()) ?? [];
  if (revision === undefined)
    throw new Failure('invalid_input', 'If-Match: must be one ETag as it was given.');
  return id === environmentId ? Number(revision) : -1;
}

/**
 * Changes an environment's settings and answers with the deploy that brings them; without one nothing was other,
 * or the first push takes them along.
 */
export async function answerChange(
  { desk, app, place, actor, body, ifMatch, signal }: Asked,
  change: { readonly action: string; readonly wanted: WantedChange; readonly restart?: boolean },
): Promise<Answer> {
  const { environment } = place;
  const expected = readIfMatch(ifMatch, environment.id);
  const { overrideFreeze } = body;
  if (body.plan) {
    const wish = { kind: 'change', environment, wanted: change.wanted } as const;
    return { json: await desk.plan(app, wish, actor.name, signal) };
  }
  const made = await desk.change({ app, environment, actor, overrideFreeze, expected, ...change });
  const deploy = made.deploy && (await getDeploy(desk.db, made.deploy.id));
  return {
    status: deploy === null ? 200 : 202,
    headers: { etag: etagOf(environment.id, await readRevision(desk.db, environment.id)) },
    json: {
      env: environment.name,
      changed: !isEmptyChange(made.change),
      change: describeChange(made.change),
      deploy: deploy && (await describeDeploy(desk.db, deploy, place)),
    },
  };
}
