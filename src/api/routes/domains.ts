import { parseDomain } from '../../route/domain.ts';
import { defaultDomain } from '../../route/table.ts';
import { listDomains } from '../../store/routes.ts';
import { answerChange } from '../change-answer.ts';
import { envQuery, nothing } from '../input.ts';
import { domainsBody } from '../input-settings.ts';
import { type Route, route } from '../route.ts';

export const domainRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/apps/:app/domains',
    scope: 'environment',
    right: 'read',
    title: 'The domains of an environment',
    query: envQuery,
    body: nothing,
    listBy: ['domain'],
    async answer({ desk, app, place }) {
      const { environment } = place;
      const usual = parseDomain(defaultDomain(desk.config.domain, app.name, environment.name));
      const domains = await listDomains(desk.db, environment.id);
      const items = domains.map((domain) => ({ domain, default: domain === usual }));
      return { json: { env: environment.name, items, next: null } };
    },
  }),
  route({
    method: 'POST',
    path: '/apps/:app/domains',
    scope: 'environment',
    right: 'deploy',
    ensures: true,
    title: 'Adds and removes domains, as a new release without a build',
    query: nothing,
    body: domainsBody,
    answer: (asked) =>
      answerChange(asked, { action: 'domains:set', wanted: { domains: asked.body.domains } }),
  }),
];
