/** One deploy by either side, in ms from its start. */
export type Run = {
  /** The new page first came through the load balancer, or from a server when there is none in between. */
  readonly firstMs: number;
  /** The new version is served on every server. */
  readonly liveMs: number;
  /** The command of the person ended. */
  readonly endMs: number;
  /** Where the time went, step after step. */
  readonly spans: Readonly<Record<string, number>>;
};

/** A way to deploy that is measured. */
export type Contender = {
  readonly name: string;
  deploy(version: string): Promise<Run>;
  [Symbol.asyncDispose](): Promise<void>;
};
