import type { Failure } from '../failure.ts';
import { labelNames } from '../model/container.ts';
import { askEngine } from './ask.ts';
import { networkName } from './container.ts';
import { statusOf } from './docker.ts';
import type { ServerConnection } from './fleet.ts';
import { chooseSubnet } from './subnet.ts';

type Place = { readonly app: string; readonly env: string };

/** Makes sure that the network of an app and environment is there. */
export async function ensureNetwork(
  connection: ServerConnection,
  place: Place,
  signal: AbortSignal,
): Promise<void> {
  const labels = { [labelNames.app]: place.app, [labelNames.env]: place.env };
  await ensureNamedNetwork(connection, { name: networkName(place.app, place.env), labels }, signal);
}

/** Makes sure that there is a network of that name; a new one gets the labels. */
export async function ensureNamedNetwork(
  connection: ServerConnection,
  { name, labels }: Omit<Wanted, 'subnet'>,
  signal: AbortSignal,
): Promise<void> {
  if (await hasNetwork(connection, name, signal)) return;
  try {
    await createNetwork(connection, { name, labels, subnet: null }, signal);
  } catch (error) {
    // The engine's own pools hold 31 networks; a server may carry more apps than that.
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
  const ipam = subnet === null ? {} : { IPAM: { Driver: 'default', Config: [{ Subnet: subnet }] } };
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

async function hasNetwork(connection: ServerConnection, name: string, signal: AbortSignal): Promise<boolean> {
  const ask = { connection, what: `find the network ${name}`, signal };
  try {
    await askEngine(ask, () => connection.docker.getNetwork(name).inspect());
    return true;
  } catch (error) {
    if (statusOf((error as Failure).cause) === 404) return false;
    throw error;
  }
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
