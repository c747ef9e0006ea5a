import type { Deploy } from '../../model/deploy.ts';
import type { PushDesk } from '../../receive/push.ts';
import { reserveDeployId } from '../../store/deploys.ts';
import { noteBytes } from '../../store/usage.ts';
import { measurePath } from '../../supervise/folder-use.ts';
import type { PipelineDrivers } from '../drivers.ts';
import { followDeploy } from '../follow.ts';
import { planPush } from '../forecast/perform-forecast.ts';
import { removePreview } from '../previews/preview.ts';
import { findDiskShortage } from '../prune/disk-floor.ts';
import { acceptPush } from './accept.ts';

/** The pipeline as a push sees it. */
export function openPushDesk(drivers: PipelineDrivers): PushDesk {
  const { config, db, git } = drivers;
  return {
    environments: () => Object.values(config.environments),
    previews: () => config.previews,
    planPush: (push) => planPush(push, drivers),
    removePreview: (app, environment, actor) =>
      removePreview(app, environment, { actor, detail: 'its branch was deleted' }, drivers),
    reserveDeploy: () => reserveDeployId(db),
    async recordDeploy(push) {
      const { id } = push.app;
      await noteBytes(db, id, await measurePath(git.path(id)));
      return acceptPush(push, drivers);
    },
    async followDeploy(deployId, write, signal) {
      const deploy = await followDeploy(deployId, write, drivers, signal);
      return { state: deploy.state, reason: deploy.state === 'live' ? null : reasonOf(deploy) };
    },
    isFree: () => findDiskShortage(config),
  };
}

/** One short line: git prints it in brackets behind the ref. */
function reasonOf(deploy: Deploy): string {
  const message = deploy.failureMessage?.split('\n')[0] ?? deploy.state.replace('_', ' ');
  return message.length > 160 ? `${message.slice(0, 159)}…` : message;
}
