import type { DeployKind } from '../../model/deploy.ts';
import type { Image, Release } from '../../model/release.ts';
import { describeDifference, type ReleaseDifference } from '../../model/release-difference.ts';
import type { Plan } from '../../rollout/plan.ts';
import type { Place } from '../../store/apps.ts';

/** A deploy that was not asked for yet; the release is what it would bring, but for its number. */
export type Proposal = {
  readonly place: Place;
  readonly kind: DeployKind;
  readonly what: string;
  readonly release: Omit<Release, 'id' | 'version' | 'createdAt' | 'wentLiveAt' | 'deployId' | 'app'>;
  /** Null when it is still to be built. */
  readonly image: Image | null;
  readonly gates: readonly string[];
  readonly refusals: readonly string[];
};

/** What a deploy would do, before anybody decided that it should: nothing of it is recorded anywhere. */
export type Forecast = {
  readonly app: string;
  readonly env: string;
  /** What would be done, in words: `push of 3c9e1f2`, `promotion of staging v12`. */
  readonly what: string;
  readonly version: number;
  readonly difference: ReleaseDifference;
  /** What would stop it as things are now. */
  readonly refusals: readonly string[];
  /** Steps before the rollout, in order. */
  readonly gates: readonly string[];
  readonly superseded: readonly number[];
  readonly strategy: string;
  readonly servers: readonly ServerForecast[];
};

export type ServerForecast = {
  readonly server: string;
  /** Null when it can be reached. */
  readonly unreachable: string | null;
  /** Bytes to be pulled; 0 when the image is there, null when that cannot be known yet. */
  readonly pull: number | null;
  readonly start: readonly string[];
  readonly admit: readonly string[];
  readonly dismiss: readonly string[];
  readonly retire: readonly string[];
};

/** What a plan asks of each server, in the order of `servers`. Pure. */
export function splitPlan(
  plan: Plan,
  servers: readonly string[],
  pulls: ReadonlyMap<string, number | null>,
): readonly ServerForecast[] {
  const gone = new Map([...plan.blocked, ...plan.skipped].map(({ server, reason }) => [server, reason]));
  const on = (server: string, containers: readonly { server: string; name: string }[]) =>
    containers.filter((container) => container.server === server).map((container) => container.name);
  return servers.map((server) => ({
    server,
    unreachable: gone.get(server) ?? null,
    pull: pulls.get(server) ?? null,
    start: on(server, plan.start),
    admit: on(
      server,
      plan.switches.flatMap((change) => change.admit),
    ),
    dismiss: on(server, plan.retire).filter((name) =>
      [plan.clear, ...plan.switches].some((change) => change?.dismiss.includes(name)),
    ),
    retire: on(server, plan.retire),
  }));
}

/** A forecast for people, in the grammar of a deploy's log. Pure. */
export function describeForecast(forecast: Forecast): string[] {
  const { app, env, what, version, refusals, gates, superseded, strategy, servers } = forecast;
  const differences = describeDifference(forecast.difference);
  return [
    `-----> Plan of v${version} for ${app}/${env}: ${what}`,
    ...(differences.length === 0 ? ['nothing differs'] : differences).map(indent),
    ...superseded.map((id) => indent(`supersedes deploy ${id}`)),
    ...gates.map((gate) => indent(`first: ${gate}`)),
    indent(`strategy: ${strategy}`),
    ...servers.flatMap(describeServer),
    ...refusals.map((refusal) => ` !     ${refusal}`),
    '=====> Planned only, nothing was changed',
  ];
}

function describeServer({ server, ...steps }: ServerForecast): string[] {
  const { unreachable, pull, start, admit, dismiss, retire } = steps;
  if (unreachable !== null) return [` !     ${server}  is out of reach: ${unreachable}`];
  const disk = pull === null ? 'pull the new image' : pull === 0 ? 'has the image' : `pull ${inMb(pull)}`;
  const parts = [
    disk,
    ...list('start', start),
    ...list('admit', admit),
    ...list('dismiss', dismiss),
    ...list('retire', retire),
  ];
  return [indent(`${server}  ${parts.join('; ')}`)];
}

function list(verb: string, names: readonly string[]): string[] {
  return names.length === 0 ? [] : [`${verb} ${names.join(', ')}`];
}

function inMb(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MB of disk`;
}

function indent(text: string): string {
  return `       ${text}`;
}
