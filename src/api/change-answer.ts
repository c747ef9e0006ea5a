import type { Actor } from '../model/access.ts';
import type { App } from '../model/app.ts';
import { describeChange, isEmptyChange, type WantedChange } from '../model/settings-change.ts';
import type { Place } from '../store/apps.ts';
import { getDeploy } from '../store/deploys.ts';
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
  readonly signal: AbortSignal;
};

/**
 * Changes an environment's settings and answers with the deploy that brings them; without one nothing was other,
 * or the first push takes them along.
 */
export async function answerChange(
  { desk, app, place, actor, body, signal }: Asked,
  change: { readonly action: string; readonly wanted: WantedChange; readonly restart?: boolean },
): Promise<Answer> {
  const { environment } = place;
  const { overrideFreeze } = body;
  if (body.plan) {
    const wish = { kind: 'change', environment, wanted: change.wanted } as const;
    return { json: await desk.plan(app, wish, actor.name, signal) };
  }
  const made = await desk.change({ app, environment, actor, overrideFreeze, ...change });
  const deploy = made.deploy && (await getDeploy(desk.db, made.deploy.id));
  return {
    status: deploy === null ? 200 : 202,
    json: {
      env: environment.name,
      changed: !isEmptyChange(made.change),
      change: describeChange(made.change),
      deploy: deploy && (await describeDeploy(desk.db, deploy, place)),
    },
  };
}
