import { toPlain } from '../model/plain-text.ts';
import type { ReleaseInfoAnswer } from './answers.ts';
import type { Terminal } from './terminal.ts';
import { firstLine, orDash, shortCommit, time } from './words.ts';

/** One release for people: a title and its value a line. */
export function printRelease(terminal: Pick<Terminal, 'print'>, release: ReleaseInfoAnswer): void {
  for (const [title, value] of listRows(release)) terminal.print(`${title.padEnd(10)} ${value}`);
}

function listRows(release: ReleaseInfoAnswer): (readonly [string, string])[] {
  const { version, env, outcome, what, image, config, domains, before, commits, failure } = release;
  const lines = before === null ? [] : release.changes;
  return [
    ['release', `v${version} of ${env}: ${outcome}`],
    ['kind', what],
    ...(release.overrideFreeze === null ? [] : [['in freeze', toPlain(release.overrideFreeze)] as const]),
    ['digest', image.digest],
    ['commit', orDash(release.commit)],
    ['message', firstLine(release.message)],
    ['author', orDash(release.author)],
    ['by', release.actor],
    ['made', time(release.createdAt)],
    ['went live', time(release.wentLiveAt)],
    ['ended', time(release.endedAt)],
    ['deploy', String(release.deploy)],
    ...release.processes.map((process) => ['process', describeProcess(process)] as const),
    ['command', release.releaseCommand?.at(-1) ?? 'none before the switch'],
    ['config', orDash(config.join(' '))],
    ['domains', orDash(domains.join(' '))],
    ...lines.map((line) => [`since v${before}`, line] as const),
    ...commits.map((each) => ['with', `${shortCommit(each.commit)} ${firstLine(each.message)}`] as const),
    ...(failure === null ? [] : [['failed', toPlain(`${failure.message ?? ''} (${failure.code})`)] as const]),
  ];
}

function describeProcess({ type, command, quantity }: ReleaseInfoAnswer['processes'][number]): string {
  const count = quantity === null ? 'one on every server' : `${quantity} in all`;
  return toPlain(`${type}: ${count}, ${command?.at(-1) ?? "the image's own command"}`);
}
