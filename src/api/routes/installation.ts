import { readFingerprint } from '../../receive/ssh/host-key.ts';
import { examineMachine } from '../doctor/machine.ts';
import { examineMail } from '../doctor/mail.ts';
import { examineServer } from '../doctor/server.ts';
import { nothing } from '../input.ts';
import { type Route, route } from '../route.ts';

export const installationRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/installation',
    scope: 'visible',
    right: 'read',
    title: 'How this server is reached, and who asks',
    query: nothing,
    body: nothing,
    answer: async ({ desk: { config }, actor }) => ({
      json: {
        url: config.url,
        ssh: { ...config.listen.ssh, hostKey: await readFingerprint(config.data) },
        environments: Object.keys(config.environments),
        actor: { name: actor.name, kind: actor.kind },
      },
    }),
  }),
  route({
    method: 'GET',
    path: '/apply',
    scope: 'installation',
    right: 'admin',
    title: 'The difference between deploy.config.json and what runs',
    query: nothing,
    body: nothing,
    answer: async ({ desk }) => ({ json: { lines: await desk.planApply() } }),
  }),
  route({
    method: 'POST',
    path: '/apply',
    scope: 'installation',
    right: 'admin',
    title: 'Brings the server to deploy.config.json',
    query: nothing,
    body: nothing,
    answer: async ({ desk }) => ({ status: 202, json: { lines: await desk.apply() } }),
  }),
  route({
    method: 'GET',
    path: '/doctor',
    scope: 'installation',
    right: 'admin',
    title: 'What is well and what is not, each with its next step',
    query: nothing,
    body: nothing,
    async answer({ desk, signal }) {
      const names = Object.keys(await desk.fleet.readServers());
      const findings = await Promise.all([
        examineMachine(desk),
        examineMail(desk),
        ...names.map((name) => examineServer(desk, name, signal)),
      ]);
      return { json: { items: findings.flat(), next: null } };
    },
  }),
];
