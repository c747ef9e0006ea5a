import type { Config } from '../config.ts';
import type { Docker } from '../fleet/docker.ts';
import type { Journals } from '../log/journal.ts';
import type { Registry } from '../publish/registry.ts';
import type { Lane } from '../queue/turn.ts';
import type { Git } from '../receive/git/repositories.ts';
import type { RolloutDrivers } from '../rollout/drivers.ts';
import type { Database } from '../store/database.ts';

export type Logger = {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
};

/** Everything that the life of a deploy needs, opened and wired by platform.ts. */
export type PipelineDrivers = {
  readonly config: Config;
  readonly db: Database;
  readonly journals: Journals;
  readonly git: Git;
  readonly builder: Docker;
  readonly registry: Registry;
  readonly rollout: RolloutDrivers;
  readonly log: Logger;
  /** Says that an environment has work in a lane; may fail silently, the reconciler makes it good. */
  touch(lane: Lane, environmentId: string): Promise<void>;
};
