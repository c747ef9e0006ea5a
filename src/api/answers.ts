import { z } from 'zod';
import { deployStates } from '../model/deploy.ts';

const time = z.string().describe('A moment in UTC, as of ISO 8601');
const orNull = <T extends z.ZodType>(schema: T) => z.union([schema, z.null()]);

const environment = z.object({
  name: z.string(),
  urls: z.array(z.string()),
  release: orNull(z.int()),
  commit: orNull(z.string()),
  branches: z.array(z.string()),
  servers: z.array(z.string()),
  deploying: z.array(z.int()),
  maintenance: orNull(z.string()),
});

const app = z.object({
  name: z.string(),
  remote: z.string(),
  createdAt: time,
  createdBy: z.string(),
  locks: z.array(z.looseObject({})),
  environments: z.array(environment),
});

const deploy = z.object({
  id: z.int(),
  app: z.string(),
  env: z.string(),
  kind: z.string(),
  change: orNull(z.string()),
  image: orNull(z.string()),
  state: z.enum(deployStates),
  hold: orNull(z.string()),
  release: orNull(z.int()),
  rollbackTo: orNull(z.int()),
  commit: orNull(z.string()),
  ref: orNull(z.string()),
  author: orNull(z.string()),
  message: orNull(z.string()),
  actor: z.string(),
  failure: orNull(z.object({ code: z.string(), message: orNull(z.string()), fix: orNull(z.string()) })),
  createdAt: time,
  startedAt: orNull(time),
  switchedAt: orNull(time),
  endedAt: orNull(time),
});

const step = z.object({
  name: z.string(),
  outcome: z.string(),
  detail: orNull(z.string()),
  begunAt: time,
  endedAt: orNull(time),
});

const next = orNull(z.string()).describe('The cursor of the next page; null on the last one.');

/** What the answers that programs ask for most look like. The others are an `object`, or a `Page` of them. */
export const answerSchemas = {
  App: app,
  Apps: z.object({ items: z.array(app), next }),
  Deploy: deploy,
  Deploys: z.object({ items: z.array(deploy), next }),
  DeployWithSteps: deploy.extend({ steps: z.array(step), result: z.array(z.string()) }),
  Config: z.object({
    env: z.string(),
    hidden: z.boolean(),
    items: z.array(
      z.object({
        name: z.string(),
        value: orNull(z.string()),
        source: z.string(),
        outside: orNull(z.union([z.object({ file: z.string() }), z.object({ env: z.string() })])),
      }),
    ),
    next,
  }),
} as const;

type AnswerName = keyof typeof answerSchemas;

/** By method and path. */
export const answerNames: Readonly<Record<string, AnswerName>> = {
  'GET /apps': 'Apps',
  'POST /apps': 'App',
  'GET /apps/:app': 'App',
  'GET /apps/:app/config': 'Config',
  'GET /deploys': 'Deploys',
  'GET /deploys/:id': 'DeployWithSteps',
  'POST /deploys/:id/cancel': 'Deploy',
  'POST /deploys/:id/retry': 'Deploy',
};
