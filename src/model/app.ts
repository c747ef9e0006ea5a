export type App = {
  /** Random; repositories and images are named by it, never by what a user typed. */
  readonly id: string;
  readonly name: string;
  /** Under which some of its containers may still run. */
  readonly formerNames?: readonly string[];
  readonly createdAt: string;
  readonly createdBy: string;
};

/** Every name under which something of the app may run. */
export function namesOf({ name, formerNames = [] }: Pick<App, 'name' | 'formerNames'>): readonly string[] {
  return [name, ...formerNames];
}

export type Environment = {
  readonly id: string;
  readonly appId: string;
  readonly name: string;
  /** Smallest free number: its backend section in the load balancer. */
  readonly slot: number;
  readonly currentReleaseId: number | null;
  /** The branch that a preview follows; null for environments of deploy.config.json. */
  readonly branch: string | null;
  /** Text of the page that is shown instead of the app; null when it is not in maintenance. */
  readonly maintenance: string | null;
};

/** A commit that was received, kept under `refs/hawser/deploys/<id>`. */
export type Source = {
  readonly id: number;
  readonly appId: string;
  readonly ref: string;
  readonly commit: string;
  /** Where the branch stood when it was pushed; 40 zeros for a new one. */
  readonly previous: string;
  readonly author: string;
  readonly message: string;
  readonly actor: string;
  readonly createdAt: string;
};

/** What people set of an environment: variables, how many of each process are to run, and which are stopped. */
export type Settings = {
  readonly vars: Readonly<Record<string, string>>;
  readonly scale: Readonly<Record<string, number>>;
  /** Types of which nothing runs, whatever their number is; none when it is left out. */
  readonly stopped?: readonly string[];
};
