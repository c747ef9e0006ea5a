import { toPlain } from '../model/plain-text.ts';
import type { PipelineAnswer, PromotionAnswer, StageAnswer } from './answers.ts';
import { firstLine, shortCommit, version } from './words.ts';

/** Every way of promotion as a line, `staging v12 3c9e1f2 -> production v7 81ab3f0`. Pure. */
export function listChains({ stages }: PipelineAnswer): string[] {
  const next = (env: string) => stages.filter(({ promoteFrom }) => promoteFrom.includes(env));
  const follow = (stage: StageAnswer, before: readonly string[]): string[] => {
    const chain = [...before, describeStage(stage)];
    const after = next(stage.env);
    return after.length === 0 ? [chain.join(' -> ')] : after.flatMap((each) => follow(each, chain));
  };
  return stages.filter(({ promoteFrom }) => promoteFrom.length === 0).flatMap((stage) => follow(stage, []));
}

function describeStage({ env, release, commit, waiting }: StageAnswer): string {
  const live = release === null ? 'nothing live' : `${version(release)} ${shortCommit(commit)}`;
  const asked = waiting.map((id) => `, deploy ${id} waits for approval`).join('');
  return `${env} ${live}${asked}`;
}

/** What a promotion brings, for people. Pure. */
export function listPromotionLines(promotion: PromotionAnswer): string[] {
  const { from, to, changes, missing, extra, commits, undone } = promotion;
  const nothing = changes.length === 0 ? ['nothing differs'] : [];
  return [
    `${from.env} ${version(from.release)} ${shortCommit(from.commit)} -> ${to.env} ${
      to.release === null ? 'nothing live' : `${version(to.release)} ${shortCommit(to.commit)}`
    }`,
    ...[...changes.map(toPlain), ...nothing].map((line) => `  ${line}`),
    ...commits.map((each) => `  + ${describeCommit(each)}`),
    ...undone.map((each) => `  - ${describeCommit(each)}`),
    ...(missing.length === 0 ? [] : [`  missing in ${to.env}: ${missing.join(', ')}`]),
    ...(extra.length === 0 ? [] : [`  only in ${to.env}: ${extra.join(', ')}`]),
  ];
}

function describeCommit({ commit, author, message }: PromotionAnswer['commits'][number]): string {
  return `${shortCommit(commit)} ${firstLine(message)} (${toPlain(author)})`;
}
