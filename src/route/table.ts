import { isIP } from 'node:net';
import { Failure } from '../failure.ts';
import { isDomain } from './domain.ts';

/** One address behind a domain. */
export type Backend = {
  /** The container's name, unique in its service. */
  readonly name: string;
  readonly server: string;
  /** `ip:port`, `[ip]:port` for IPv6. */
  readonly address: string;
  /** 0 to 256; 0 gets nothing. */
  readonly weight: number;
};

/** Everything that is routed to one environment of one app. */
export type Service = {
  /** Its backend section in the load balancer; an environment keeps it for life. */
  readonly slot: number;
  readonly app: string;
  readonly env: string;
  readonly domains: readonly string[];
  readonly backends: readonly Backend[];
  /** A client comes back to the backend that served it first, while that one is there. */
  readonly sticky: boolean;
  /** Text of the page that is shown instead of the app, empty for the usual one; null: the app answers. */
  readonly maintenance: string | null;
  /** While it has no backend its requests wait for one, for 20 s at most, instead of being refused. */
  readonly holding: boolean;
};

/** All that is routed; always given whole. */
export type Table = { readonly services: readonly Service[] };

/** The most slots that a table may name: the load balancer keeps a section for every one of them. */
export const slotLimit = 8192;

const name = /^[a-z0-9][a-z0-9_.-]{0,127}$/;
const usualNotice = 'This app is being worked on. Please come back in a little while.';

/** The most characters that the text of a maintenance page may have. */
export const noticeLimit = 1000;

/** What the maintenance page of a service says, as one paragraph; null while there is none. */
export function noticeOf({ maintenance }: Pick<Service, 'maintenance'>): string | null {
  if (maintenance === null) return null;
  const text = maintenance.replace(/[\s\p{Cc}]+/gu, ' ').trim();
  return text === '' ? usualNotice : text;
}

/** The domain that an environment has without being given one; the contract's default when there is no pattern. */
export function defaultDomain(pattern: string | null, app: string, env: string): string {
  const shape = pattern ?? (env === 'production' ? '{app}.localhost' : '{app}-{env}.localhost');
  return shape.replaceAll('{app}', app).replaceAll('{env}', env);
}

/** Throws `table_invalid` for anything that must not reach the load balancer's config. */
export function checkTable(table: Table): void {
  const slots = new Set<number>();
  const domains = new Map<string, string>();
  for (const service of table.services) {
    const title = `${service.app} ${service.env}`;
    const fault = findServiceFault(service);
    if (fault !== undefined) throw new Failure('table_invalid', `${JSON.stringify(title)}: ${fault}`);
    if (slots.has(service.slot)) throw new Failure('table_invalid', `slot ${service.slot} is used twice`);
    slots.add(service.slot);
    for (const domain of service.domains) {
      const owner = domains.get(domain);
      if (owner !== undefined)
        throw new Failure('table_invalid', `${domain} belongs to ${owner} and to ${title}`);
      domains.set(domain, title);
    }
  }
}

function findServiceFault(service: Service): string | undefined {
  const { slot, maintenance } = service;
  if (!Number.isInteger(slot) || slot < 0 || slot >= slotLimit)
    return `slot ${slot} is not 0 to ${slotLimit - 1}`;
  const domain = service.domains.find((each) => !isDomain(each));
  if (domain !== undefined) return `${JSON.stringify(domain)} is not a domain`;
  if (maintenance !== null && maintenance.length > noticeLimit)
    return `the maintenance text is longer than ${noticeLimit} characters`;
  if (new Set(service.backends.map((each) => each.name)).size < service.backends.length) {
    return 'two backends have one name';
  }
  return service.backends.map(findBackendFault).find((fault) => fault !== undefined);
}

function findBackendFault(backend: Backend): string | undefined {
  if (!name.test(backend.name)) return `${JSON.stringify(backend.name)} is not a backend's name`;
  if (!isAddress(backend.address)) return `${JSON.stringify(backend.address)} is not ip:port`;
  const { weight } = backend;
  if (!Number.isInteger(weight) || weight < 0 || weight > 256) return `weight ${weight} is not 0 to 256`;
  return undefined;
}

function isAddress(text: string): boolean {
  const parts = /^(?:\[([0-9a-f:.]+)\]|([0-9.]+)):([1-9][0-9]{0,4})$/.exec(text);
  if (parts === null) return false;
  const [, six, four, port] = parts;
  return Number(port) <= 65_535 && (six === undefined ? isIP(four ?? '') === 4 : isIP(six) === 6);
}
