import { nothing, pruneBody } from '../input.ts';
import { type Route, route } from '../route.ts';

export const diskRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/disk',
    scope: 'installation',
    right: 'admin',
    title: 'Who uses what of the disks: the data folder and every server',
    query: nothing,
    body: nothing,
    answer: async ({ desk, signal }) => ({ json: await desk.measureDisk(signal) }),
  }),
  route({
    method: 'POST',
    path: '/disk/prune',
    scope: 'installation',
    right: 'admin',
    title: 'Removes what nobody needs any more, or says what would go',
    query: nothing,
    body: pruneBody,
    async answer({ desk, body, signal, actor }) {
      const items = await desk.prune(
        { server: body.server ?? null, planOnly: body.plan, actor: actor.name },
        signal,
      );
      return { json: { planned: body.plan, items } };
    },
  }),
];
