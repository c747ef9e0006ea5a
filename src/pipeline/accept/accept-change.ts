import { refuseForbiddenOutside } from '../../config/outside-variable.ts';
import type { Config } from '../../config.ts';
import { Failure } from '../../failure.ts';
import { type Actor, allow, anyEnv } from '../../model/access.ts';
import type { App, Environment } from '../../model/app.ts';
import type { Deploy, SettingsChange } from '../../model/deploy.ts';
import { readOutside } from '../../model/outside-value.ts';
import {
  applyChange,
  describeChange,
  isEmptyChange,
  planChange,
  toWanted,
  type WantedChange,
} from '../../model/settings-change.ts';
import { findTotalFault, findVariableFault } from '../../model/variables.ts';
import { parseDomain } from '../../route/domain.ts';
import { findDomainOwner, findPlace, type Place } from '../../store/apps.ts';
import { readDesired, writeDesired } from '../../store/changes.ts';
import type { Database } from '../../store/database.ts';
import { insertDeploy, listUnfinished, reserveDeployId } from '../../store/deploys.ts';
import { findLastEvent, recordEvent } from '../../store/events.ts';
import { getRelease } from '../../store/releases.ts';
import { readRevision } from '../../store/settings.ts';
import { refuseWhenClosed } from '../gates/gate.ts';
import { type AcceptDrivers, tellQueued } from './queue-deploy.ts';

export type ChangeRequest = {
  readonly app: App;
  readonly environment: Environment;
  readonly wanted: WantedChange;
  /** `noun:verb`, as it is recorded. */
  readonly action: string;
  /** Fresh containers even when nothing is other. */
  readonly restart?: boolean;
  /** Why it cannot wait for the end of a freeze. */
  readonly overrideFreeze?: string | undefined;
  /** The revision of the settings that was seen: what another one changed meanwhile is not undone. Null for any. */
  readonly expected?: number | null;
  readonly actor: Pick<Actor, 'name'> & Partial<Actor>;
};

/** No deploy when nothing is other, or when nothing is live that could be changed: the next push takes it along. */
export type AcceptedChange = { readonly change: SettingsChange; readonly deploy: Deploy | null };

/**
 * Sets variables, numbers of processes or domains, and records the deploy that brings them to what is live, as one
 * change of the ledger. Throws `variable_invalid`, `outside_not_allowed`, `variables_too_large`, `process_unknown`, `domain_invalid`,
 * `domain_taken`, `nothing_live`, `changed_meanwhile`, `app_locked`, `frozen`.
 */
export async function acceptChange(request: ChangeRequest, drivers: AcceptDrivers): Promise<AcceptedChange> {
  const wanted = checkWish(request.wanted, drivers.config);
  refuseOwnDomain(wanted, drivers.config.url);
  const accepted = await drivers.db.transaction().execute((tx) => recordChange({ ...request, wanted }, tx));
  const { deploy, change } = accepted;
  if (deploy !== null) {
    const what = describeChange(change);
    await tellQueued(drivers, request, deploy, what === '' ? ['restart'] : [what]);
  }
  return accepted;
}

/** A change that did not go live is set once more. */
export async function repeatChange(
  deploy: Deploy,
  { app, environment }: Place,
  by: { readonly actor: string; readonly overrideFreeze?: string },
  drivers: AcceptDrivers,
): Promise<Deploy> {
  const wanted = deploy.options.change === undefined ? {} : toWanted(deploy.options.change);
  const request = {
    app,
    environment,
    wanted,
    action: 'deploys:retry',
    restart: true,
    actor: { name: by.actor },
    overrideFreeze: by.overrideFreeze,
  };
  const repeated = await acceptChange(request, drivers);
  if (repeated.deploy === null) throw nothingLive();
  return repeated.deploy;
}

export function nothingLive(): Failure {
  return new Failure('nothing_live', 'Nothing is live: what is set takes effect with the next push.');
}

/** For the transaction of who asks; the wish is checked before. Throws what `acceptChange` throws. */
export async function recordChange(request: ChangeRequest, tx: Database): Promise<AcceptedChange> {
  const { app, environment, wanted, action, actor, overrideFreeze, restart = false } = request;
  await refuseChangedMeanwhile(request, tx);
  const now = await readDesired(tx, environment.id, Object.keys(wanted.vars ?? {}));
  const change = planChange(now, wanted);
  const isEmpty = isEmptyChange(change);
  if (isEmpty && !restart) return { change, deploy: null };
  const next = applyChange(now, change);
  const fault = findTotalFault(next.vars);
  if (fault !== undefined) throw new Failure('variables_too_large', `${capital(fault)}.`);
  await refuseUnknownTypes(request, tx);
  await refuseTakenDomains(request, tx);
  await writeDesired(tx, environment.id, next);
  const detail = describeChange(change);
  await recordEvent(tx, { actor: actor.name, action, appId: app.id, env: environment.name, detail });
  const isThere = await hasOrGetsRelease(environment.id, tx);
  if (!isThere && restart && isEmpty) throw nothingLive();
  if (!isThere) return { change, deploy: null };
  const options = { change, ...(overrideFreeze === undefined ? {} : { overrideFreeze }) };
  await refuseWhenClosed(tx, request, { kind: 'change', options, actor: actor.name }, new Date());
  const deploy = await insertDeploy(tx, {
    id: await reserveDeployId(tx),
    environmentId: environment.id,
    kind: 'change',
    actor: actor.name,
    options,
    source: null,
    fromReleaseId: null,
    supersede: false,
  });
  return { change, deploy };
}

async function refuseChangedMeanwhile(
  { app, environment, expected = null }: ChangeRequest,
  tx: Database,
): Promise<void> {
  if (expected === null || (await readRevision(tx, environment.id)) === expected) return;
  const last = await findLastEvent(tx, { appId: app.id, env: environment.name });
  const who =
    last === undefined ? '' : `; the last change there: ${last.action} by "${last.actor}" at ${last.at}`;
  throw new Failure(
    'changed_meanwhile',
    `The settings of ${app.name}/${environment.name} were changed since you read them${who}.`,
  );
}

/** Throws `variable_invalid`, `outside_not_allowed` and `domain_invalid`. */
export function checkWish(wanted: WantedChange, { secrets }: Pick<Config, 'secrets'>): WantedChange {
  for (const [name, value] of Object.entries(wanted.vars ?? {})) {
    const from = value === null ? undefined : readOutside(value);
    if (from !== undefined) refuseForbiddenOutside(from, secrets.outside);
    const fault = value === null ? undefined : findVariableFault(name, from === undefined ? value : '');
    if (fault !== undefined) throw new Failure('variable_invalid', `${capital(fault)}.`);
  }
  const domains = Object.entries(wanted.domains ?? {}).map(([name, isAdded]) => [parseDomain(name), isAdded]);
  return { ...wanted, domains: Object.fromEntries(domains) };
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

async function hasOrGetsRelease(environmentId: string, tx: Database): Promise<boolean> {
  const place = await findPlace(tx, environmentId);
  if (place?.environment.currentReleaseId != null) return true;
  return (await listUnfinished(tx, environmentId)).length > 0;
}

/** Before the first release nobody knows which types there will be. */
async function refuseUnknownTypes({ environment, wanted }: ChangeRequest, tx: Database): Promise<void> {
  const current = (await findPlace(tx, environment.id))?.environment.currentReleaseId ?? null;
  if (current === null) return;
  const known = (await getRelease(tx, current)).processes.map((process) => process.type);
  const stopped = Object.entries(wanted.stopped ?? {}).flatMap(([type, isStopped]) =>
    isStopped ? [type] : [],
  );
  const named = [...Object.keys(wanted.scale ?? {}), ...stopped];
  const unknown = named.find((type) => !known.includes(type));
  if (unknown === undefined) return;
  throw new Failure(
    'process_unknown',
    `There is no process ${JSON.stringify(unknown)} in the live release; there are: ${known.join(', ')}.`,
  );
}

/** An app under the name of the server would be taken for it. Throws `domain_taken`. */
export function refuseOwnDomain({ domains = {} }: WantedChange, url: string): void {
  const own = URL.parse(url)?.hostname;
  if (own === undefined || domains[own] !== true) return;
  throw new Failure(
    'domain_taken',
    `${own} is the name of this server itself ("url" of deploy.config.json).`,
  );
}

/** Another app's name is told only to those who may see it. */
async function refuseTakenDomains(
  { app, environment, wanted, actor }: ChangeRequest,
  tx: Database,
): Promise<void> {
  for (const [domain, isAdded] of Object.entries(wanted.domains ?? {})) {
    const owner = isAdded ? await findDomainOwner(tx, domain) : undefined;
    if (owner === undefined || owner.environment.id === environment.id) continue;
    const isVisible =
      owner.app.id === app.id ||
      allow({ grants: actor.grants ?? [] }, 'read', { app: owner.app, env: anyEnv });
    const whose = isVisible ? `${owner.app.name}/${owner.environment.name}` : 'another app';
    throw new Failure('domain_taken', `${domain} belongs to ${whose}.`);
  }
}
