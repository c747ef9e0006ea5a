import { parseManifest } from '../../build/manifest.ts';
import { planRelease } from '../../publish/plan.ts';
import { defaultDomain } from '../../route/table.ts';
import type { Place } from '../../store/apps.ts';
import { listDomains } from '../../store/routes.ts';
import { readSettings } from '../../store/settings.ts';
import type { PipelineDrivers } from '../drivers.ts';
import type { Proposal } from '../forecast/forecast.ts';
import { openSource } from '../lanes/source.ts';
import { repositoryOf } from '../wanted.ts';

export type ProposedSource = {
  readonly commit: string;
  readonly author: string;
  readonly message: string;
  readonly actor: string;
};

/** What a commit of the repository would deploy; its image and ports are known when it is built. */
export async function proposeSource(
  place: Place,
  { commit, author, message, actor }: ProposedSource,
  { db, git, config }: Pick<PipelineDrivers, 'db' | 'git' | 'config'>,
): Promise<Proposal> {
  const { app, environment } = place;
  const { id, name } = environment;
  const manifest = await parseManifest(openSource(git, app.id, commit));
  const domains = await listDomains(db, id);
  const planned = planRelease({
    manifest,
    exposedPorts: [],
    limits: config.limits,
    settings: await readSettings(db, id),
  });
  return {
    place,
    kind: 'push',
    what: `push of ${commit.slice(0, 7)}`,
    release: {
      ...planned,
      outside: {},
      environmentId: id,
      image: { repository: repositoryOf(app), digest: '' },
      domains: domains.length > 0 ? domains : [defaultDomain(config.domain, app.name, name)],
      ...{ commit, author, message, actor },
      rollbackOf: null,
      imageDeployId: 0,
      promotedFrom: null,
    },
    image: null,
    gates: ['build and publish', ...(manifest.release === null ? [] : ['release command'])],
    refusals: [],
  };
}
