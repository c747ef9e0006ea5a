/** Labels on every container that is ours; nothing without `hawser.app` is ever touched. */
export const labelNames = {
  app: 'hawser.app',
  env: 'hawser.env',
  release: 'hawser.release',
  process: 'hawser.process',
  index: 'hawser.index',
  deploy: 'hawser.deploy',
  epoch: 'hawser.epoch',
  /** On what a check made, its network too: the environment's id. */
  check: 'hawser.check',
  /** On a service beside an app: its name, and what makes it another one. */
  service: 'hawser.service',
  definition: 'hawser.definition',
} as const;

/** One running process of one release on one server, as it should be. */
export type WantedContainer = {
  readonly server: string;
  /** `<app>-<env>-v<release>-<process>-<n>` */
  readonly name: string;
  readonly app: string;
  readonly env: string;
  readonly release: number;
  readonly process: string;
  readonly index: number;
  /** Published on the server's address; null for processes that are not routed. */
  readonly port: number | null;
};

/** One container of ours as a server's engine tells of it. */
export type ObservedContainer = {
  readonly server: string;
  readonly id: string;
  readonly name: string;
  readonly app: string;
  readonly env: string;
  readonly release: number;
  readonly process: string;
  readonly index: number;
  readonly deploy: number;
  readonly epoch: number;
  readonly state: 'created' | 'running' | 'restarting' | 'exited' | 'paused' | 'dead' | 'removing';
  /** `address:port` where it is published, when it is. */
  readonly address: string | null;
  readonly imageId: string;
};

/** What a server answered when asked: its containers, or why it could not be asked. */
export type ObservedServer =
  | { readonly server: string; readonly reachable: true; readonly containers: readonly ObservedContainer[] }
  | { readonly server: string; readonly reachable: false; readonly reason: string };
