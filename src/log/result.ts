import type { Deploy } from '../model/deploy.ts';
import type { Release } from '../model/release.ts';
import { toLines } from './grammar.ts';

export type Ending = {
  readonly deploy: Deploy;
  readonly release: Pick<Release, 'version'> | null;
  readonly app: string;
  readonly env: string;
  readonly url: string;
};

/** How a deploy ended, as its last lines say it: always from the ledger, so that they are true. */
export function resultLines({ deploy, release, app, env, url }: Ending): readonly string[] {
  if (deploy.state === 'live') {
    const undo = `undo: hawser rollback -a ${app} -e ${env}`;
    return toLines(
      'result',
      `Released v${release?.version}  ${url}  (went live in ${secondsOf(deploy)}s; ${undo})`,
    );
  }
  const how = deploy.state.replace('_', ' ');
  const code = deploy.failureCode === null ? '' : ` (${deploy.failureCode})`;
  const lines = toLines(
    'warning',
    `Deploy ${deploy.id} ${how}: ${deploy.failureMessage ?? 'no reason'}${code}`,
  );
  return deploy.failureFix === null ? lines : [...lines, ...toLines('detail', deploy.failureFix)];
}

/** Seconds from the push to the switch, of which the push's own reader waited for nearly all. */
function secondsOf(deploy: Deploy): string {
  const end = Date.parse(deploy.switchedAt ?? deploy.endedAt ?? deploy.createdAt);
  return ((end - Date.parse(deploy.createdAt)) / 1000).toFixed(1);
}
