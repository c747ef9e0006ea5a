import { formatBytes as bytes } from '../../publish/bytes.ts';
import type { DiskAnswer, PruneAnswer, ServerUseAnswer } from '../answers.ts';
import { type AddCommands, optionsOf, withJson } from '../command.ts';
import type { Session } from '../session.ts';
import { orDash } from '../words.ts';

type PruneOptions = { readonly plan?: boolean; readonly server?: string };

export const addDiskCommands: AddCommands = (program, session) => {
  const { terminal } = session;
  withJson(program.command('disk'))
    .description('who uses what of the disks')
    .action(async (_options, command) => {
      const options = optionsOf(command);
      const use = await session.open(options).ask<DiskAnswer>('/disk');
      if (options.json) return terminal.printJson(use);
      printUse(session, use);
    });

  withJson(program.command('disk:prune'))
    .option('--plan', 'only print what would go')
    .option('-s, --server <name>', 'of this server alone; everywhere without it')
    .description('remove what nobody needs any more; what runs and can be rolled back to stays')
    .action(async (_options, command) => {
      const options = optionsOf<PruneOptions>(command);
      const { plan = false, server } = options;
      const body = { plan, ...(server === undefined ? {} : { server }) };
      const answer = await session.open(options).ask<PruneAnswer>('/disk/prune', { method: 'POST', body });
      if (options.json) return terminal.printJson(answer);
      printPruned(session, answer);
    });
};

function printUse({ terminal }: Session, { data, servers, floor }: DiskAnswer): void {
  const rows = [
    ['data folder', 'free', `${bytes(data.space.freeBytes)} of ${bytes(data.space.totalBytes)}`, '', ''],
    ...data.parts.map((part) => ['data folder', part.name, bytes(part.bytes), '', '']),
    ...servers.flatMap(listRows),
  ];
  terminal.printTable(['PLACE', 'WHAT', 'SIZE', 'RELEASES', 'KEPT AS'], rows);
  terminal.say(`New work is refused with less than ${bytes(floor)} free (limits.diskFloor).`);
  for (const { server, reason } of servers) if (reason !== null) terminal.say(` !     ${server}: ${reason}`);
}

function listRows({ server, space, engine, images }: ServerUseAnswer): string[][] {
  if (engine === null) return [];
  const free = space === null ? 'not told' : `${bytes(space.freeBytes)} of ${bytes(space.totalBytes)}`;
  return [
    [server, 'free', free, '', ''],
    [server, 'all images', bytes(engine.layersBytes), '', ''],
    [server, 'containers', bytes(engine.containersBytes), '', ''],
    [server, 'volumes', bytes(engine.volumesBytes), '', ''],
    [server, 'build cache', bytes(engine.buildCacheBytes), '', ''],
    ...images.map(({ app, uniqueBytes, releases, keep }) => [
      server,
      `image of ${app}`,
      bytes(uniqueBytes),
      orDash(releases.join(', ')),
      keep,
    ]),
  ];
}

function printPruned({ terminal }: Session, { items, planned }: PruneAnswer): void {
  const rows = items.flatMap(({ place, removed }) => removed.map((what) => [place, what]));
  terminal.printTable(['PLACE', planned ? 'WOULD GO' : 'GONE'], rows);
  for (const { place, removed, bytes: size, note } of items) {
    const sum = planned ? `at least ${bytes(size)} would be free` : `${bytes(size)} freed`;
    if (removed.length > 0 || size > 0) terminal.say(`${place}: ${sum}`);
    if (note !== null) terminal.say(` !     ${place}: ${note}`);
  }
  if (rows.length === 0) terminal.say('Nothing to do: all that is there is needed.');
}
