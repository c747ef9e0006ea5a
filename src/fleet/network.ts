import { Failure } from '../failure.ts';
import { labelNames } from '../model/container.ts';
import { askEngine, unlessGone } from './ask.ts';
import { networkName } from './container.ts';
import { type NetworkInspect, statusOf } from './docker.ts';
import type { ServerConnection } from './fleet.ts';
import { chooseSubnet, lowerHalf } from './subnet.ts';

// Each one of them that fails was undone by somebody who makes networks too.
const ensureTries = 20;

/** Where addresses of containers may be chosen; without a subnet the engine gives them. */
export type Addresses = { readonly subnet: string | null; readonly taken: ReadonlySet<string> };

type Place = { readonly app: string; readonly env: string };

/**
 * Makes sure that the network of an app and environment is there and answers where its containers may get addresses
 * that are chosen: half of them is kept for that (docs/decisions/0022-addresses-of-containers.md). A network that was
 * made otherwise and is in use stays as it is.
 */
export async function ensureNetwork(
  connection: ServerConnection,
  { app, env }: Place,
  signal: AbortSignal,
): Promise<Addresses> {
  const wanted = { name: networkName(app, env), labels: { [labelNames.app]: app, [labelNames.env]: env } };
  for (let tries = 1; tries <= ensureTries; tries += 1) {
    const network =
      (await inspectNetwork(connection, wanted.name, signal)) ??
      (await makeDivided(connection, wanted, signal));
    if (network === null) continue;
    const addresses = addressesOf(network);
    const stays = addresses.taken.size > 0 || tries === ensureTries;
    if (stays || !canBeDivided(network)) return addresses;
    await removeNamedNetwork(connection, network.Id, signal);
  }
  throw new Failure('docker_failed', `${connection.server.name} has no subnet for ${wanted.name}`, {
    fix: 'Deploy again when fewer apps are deployed to that server at once.',
  });
}

/** Makes sure that there is a network of that name; a new one gets the labels. */
export async function ensureNamedNetwork(
  connection: ServerConnection,
  { name, labels }: Omit<Wanted, 'subnet'>,
  signal: AbortSignal,
): Promise<void> {
  if ((await inspectNetwork(connection, name, signal)) !== null) return;
  try {
    await createNetwork(connection, { name, labels, subnet: null }, signal);
  } catch (error) {
    if (!isPoolEmpty(error)) throw error;
    const subnet = chooseSubnet(await listSubnets(connection, signal));
    await createNetwork(connection, { name, labels, subnet }, signal);
  }
}

/** Removes the network when no container is in it; answers whether it is gone. */
export async function removeNetwork(
  connection: ServerConnection,
  place: Place,
  signal: AbortSignal,
): Promise<boolean> {
  return await removeNamedNetwork(connection, networkName(place.app, place.env), signal);
}

/** The same by the network's own name. */
export async function removeNamedNetwork(
  connection: ServerConnection,
  name: string,
  signal: AbortSignal,
): Promise<boolean> {
  const ask = { connection, what: `remove the network ${name}`, signal };
  try {
    await askEngine(ask, (abortSignal) =>
      connection.docker.getNetwork(name).remove({ abortSignal } as object),
    );
    return true;
  } catch (error) {
    const status = statusOf((error as Failure).cause);
    // 403: it has active endpoints.
    if (status === 404 || status === 403) return status === 404;
    throw error;
  }
}

/** Networks of ours, by the labels that they carry. */
export async function listNetworks(connection: ServerConnection, signal: AbortSignal): Promise<Place[]> {
  const ask = { connection, what: 'list the networks', signal };
  const filters = { label: [labelNames.app as string] };
  const networks = await askEngine(ask, () => connection.docker.listNetworks({ filters }));
  return networks.flatMap(({ Name, Labels }) => {
    const { [labelNames.app]: app = '', [labelNames.env]: env = '' } = Labels ?? {};
    return Name === networkName(app, env) ? [{ app, env }] : [];
  });
}

type Wanted = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly subnet: string | null;
};

async function createNetwork(
  connection: ServerConnection,
  wanted: Wanted,
  signal: AbortSignal,
): Promise<void> {
  const { name, labels, subnet } = wanted;
  const ask = { connection, what: `create the network ${name}`, signal };
  const range = lowerHalf(subnet);
  const config = { Subnet: subnet ?? undefined, IPRange: range ?? undefined };
  const ipam = subnet === null ? {} : { IPAM: { Driver: 'default', Config: [config] } };
  try {
    await askEngine(ask, (abortSignal) =>
      connection.docker.createNetwork({
        Name: name,
        Driver: 'bridge',
        CheckDuplicate: true,
        Labels: { ...labels },
        ...ipam,
        abortSignal,
      }),
    );
  } catch (error) {
    if (statusOf((error as Failure).cause) !== 409) throw error;
  }
}

/** Null when another network of that name or with that subnet came first. */
async function makeDivided(
  connection: ServerConnection,
  wanted: Omit<Wanted, 'subnet'>,
  signal: AbortSignal,
): Promise<NetworkInspect | null> {
  const subnet = await electSubnet(connection, wanted, signal);
  if (subnet === null) return null;
  try {
    await createNetwork(connection, { ...wanted, subnet }, signal);
  } catch (error) {
    if (!isOverlap(error)) throw error;
  }
  return await inspectNetwork(connection, wanted.name, signal);
}

/** The subnet that the engine would give, which knows the routes of its machine; null when it has one that stays. */
async function electSubnet(
  connection: ServerConnection,
  wanted: Omit<Wanted, 'subnet'>,
  signal: AbortSignal,
): Promise<string | null> {
  try {
    await createNetwork(connection, { ...wanted, subnet: null }, signal);
  } catch (error) {
    // The engine's own pools hold 31 networks; a server may carry more apps than that.
    if (!isPoolEmpty(error)) throw error;
    return chooseSubnet(await listSubnets(connection, signal));
  }
  const made = await inspectNetwork(connection, wanted.name, signal);
  if (made === null || !canBeDivided(made)) return null;
  return (await removeNamedNetwork(connection, made.Id, signal)) ? subnetOf(made) : null;
}

async function inspectNetwork(
  connection: ServerConnection,
  name: string,
  signal: AbortSignal,
): Promise<NetworkInspect | null> {
  return await unlessGone(
    askEngine({ connection, what: `find the network ${name}`, signal }, () =>
      connection.docker.getNetwork(name).inspect(),
    ),
  );
}

function subnetOf({ IPAM }: NetworkInspect): string | null {
  return IPAM?.Config?.[0]?.Subnet ?? null;
}

function isDivided(network: NetworkInspect): boolean {
  const range = network.IPAM?.Config?.[0]?.IPRange;
  return range !== undefined && range === lowerHalf(subnetOf(network));
}

function canBeDivided(network: NetworkInspect): boolean {
  return !isDivided(network) && lowerHalf(subnetOf(network)) !== null;
}

function addressesOf(network: NetworkInspect): Addresses {
  const containers = Object.values(network.Containers ?? {});
  const taken = new Set(containers.map(({ IPv4Address }) => IPv4Address.split('/')[0] ?? ''));
  return { subnet: isDivided(network) ? subnetOf(network) : null, taken };
}

async function listSubnets(connection: ServerConnection, signal: AbortSignal): Promise<string[]> {
  const ask = { connection, what: 'list the networks', signal };
  const networks = await askEngine(ask, () => connection.docker.listNetworks());
  const subnets = networks.flatMap((network) => network.IPAM?.Config?.map(({ Subnet }) => Subnet) ?? []);
  return subnets.filter((subnet) => subnet !== undefined);
}

function isPoolEmpty(error: unknown): boolean {
  return /non-overlapping IPv4 address pool|address pools have been fully subnetted/.test(String(error));
}

function isOverlap(error: unknown): boolean {
  return /Pool overlaps with other one/.test(String(error));
}
