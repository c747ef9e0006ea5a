import { Failure } from '../../failure.ts';
import {
  backendId,
  destinationOf,
  emptySection,
  heldMark,
  sectionOf,
  sectionsOf,
  slotsFor,
} from '../plan.ts';
import { checkTable, noticeOf, type Service, type Table } from '../table.ts';

/** Where HAProxy keeps its things: all in one folder that only we may enter. */
export type Paths = {
  readonly folder: string;
  readonly config: string;
  readonly hosts: string;
  readonly notices: string;
  readonly cookieKey: string;
  readonly lua: string;
  readonly unknownPage: string;
  readonly emptyPage: string;
  readonly downPage: string;
  readonly noticePage: string;
  readonly noticeText: string;
  readonly admin: string;
  readonly master: string;
  readonly pid: string;
};

export type Listen = { readonly host: string; readonly port: number };

/**
 * What `add server` and a line of the file say alike: dynamic servers ignore `default-server`. A new one is checked for
 * the first time after `downinter`, for which every switch waits.
 */
export const serverOptions =
  'check inter 1s fastinter 250ms downinter 30ms rise 1 fall 3 observe layer4 pool-purge-delay 2s pool-max-conn 100';

const tableMark = '# table ';

// What a config that an earlier version wrote does not say of a service.
const unsaid = { sticky: false, maintenance: null, holding: false };

// A bound socket gets a longer temporary name first, and HAProxy takes at most 97 characters of path.
const longestFolder = 80;

/** The paths in a folder. Throws `load_balancer_folder` when HAProxy could not take them. */
export function pathsIn(folder: string): Paths {
  if (!/^\/[A-Za-z0-9_./@+-]*$/.test(folder) || folder.length > longestFolder) {
    throw new Failure(
      'load_balancer_folder',
      `${folder} must be an absolute path of plain characters, ${longestFolder} at most`,
    );
  }
  const at = (name: string) => `${folder}/${name}`;
  return {
    folder,
    config: at('haproxy.cfg'),
    hosts: at('hosts.map'),
    notices: at('maintenance.map'),
    cookieKey: at('cookie.key'),
    lua: at('hold.lua'),
    unknownPage: at('unknown.txt'),
    emptyPage: at('empty.txt'),
    downPage: at('down.http'),
    noticePage: at('maintenance.html'),
    noticeText: at('maintenance.txt'),
    admin: at('admin.sock'),
    master: at('master.sock'),
    pid: at('haproxy.pid'),
  };
}

/** The whole config of a table: HAProxy started with it serves that table. Throws `table_invalid`. */
export function renderConfig(options: {
  table: Table;
  paths: Paths;
  listen: Listen;
  slots: number;
  cookieKey: string;
}): string {
  checkTable(options.table);
  const slots = slotsFor(options.table, options.slots);
  const services = new Map(options.table.services.map((service) => [service.slot, service]));
  const sections = Array.from({ length: slots }, (_, slot) =>
    renderSlot(slot, services.get(slot), options.cookieKey),
  );
  return [
    '# Written by Hawser; changes made here are lost.',
    renderGlobal(options.paths),
    renderFrontend(options.paths, options.listen),
    ...sections,
    `${tableMark}${JSON.stringify({ slots, table: options.table })}`,
    '',
  ].join('\n');
}

/** The table and the number of slots that a config was rendered from; undefined when the file is not whole. */
export function parseConfig(text: string): { readonly slots: number; readonly table: Table } | undefined {
  const last = text.trimEnd().split('\n').at(-1) ?? '';
  if (!last.startsWith(tableMark)) return undefined;
  const saved: { slots: number; table: Table } = JSON.parse(last.slice(tableMark.length));
  const services = saved.table.services.map((service) => ({ ...unsaid, ...service }));
  return { slots: saved.slots, table: { services } };
}

/** The map from domain to where it leads. */
export function renderHosts(table: Table): string {
  const lines = table.services.flatMap((service) => {
    return service.domains.map((domain) => `${domain} ${destinationOf(service)}\n`);
  });
  return lines.join('');
}

/** The map from section to the text of its maintenance page. */
export function renderNotices(table: Table): string {
  const lines = table.services.flatMap((service) => {
    const notice = noticeOf(service);
    if (notice === null) return [];
    return sectionsOf(service.slot).map((section) => `${section} ${encodeNotice(notice)}\n`);
  });
  return lines.join('');
}

/** One word for a map and a command, whatever the text is. */
export function encodeNotice(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** The text of a word that was made by `encodeNotice`. */
export function decodeNotice(word: string): string {
  return Buffer.from(word, 'base64').toString();
}

function renderGlobal(paths: Paths): string {
  return `global
  maxconn 20000
  no strict-limits
  hard-stop-after 6h
  stats socket ${paths.admin} mode 600 level admin expose-fd listeners
  stats timeout 30s
  lua-load ${paths.lua}

defaults
  mode http
  balance random(2)
  timeout connect 2s
  timeout client 60s
  timeout server 300s
  timeout queue 10s
  timeout check 5s
  timeout http-request 10s
  timeout http-keep-alive 30s
  timeout tunnel 1h
  retries 3
  option redispatch 1
  retry-on conn-failure empty-response
  option idle-close-on-response
  option http-restrict-req-hdr-names delete
  errorfile 503 ${paths.downPage}
`;
}

function renderFrontend(paths: Paths, listen: Listen): string {
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host;
  if (!/^[0-9a-zA-Z.:[\]-]+$/.test(host) || !Number.isInteger(listen.port)) {
    throw new Failure(
      'load_balancer_config',
      `${JSON.stringify(listen.host)} is not an address to listen on`,
    );
  }
  const destinationOfHost = `map_str(${paths.hosts})`;
  return `frontend web
  bind ${host}:${listen.port}
  http-request del-header Forwarded
  http-request del-header X-Real-IP
  http-request set-header X-Forwarded-For %[src]
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Port %[dst_port]
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  http-request disable-l7-retry unless { method GET HEAD OPTIONS }
  http-request set-var(txn.host) req.hdr(host),host_only,lower,rtrim(.)
  http-request set-var(txn.destination) var(txn.host),${destinationOfHost}
  http-request set-var(txn.destination) 'var(txn.host),regsub("^[^.]*","*"),${destinationOfHost}' unless { var(txn.destination) -m found }
  http-request set-var(txn.section) var(txn.destination),field(1,+) if { var(txn.destination) -m found }
  http-request set-var(txn.shown) var(txn.host) if { var(txn.host) -m reg ^[a-z0-9.-]{1,253}$ }
  http-request set-var(txn.notice) var(txn.section),map_str(${paths.notices}),b64dec if { var(txn.section) -m found }
  use_backend maintenance if { var(txn.notice) -m found }
  use_backend %[var(txn.section)] if { var(txn.section) -m found }
  default_backend unknown

backend unknown
  http-request return status 404 content-type "text/plain; charset=utf-8" lf-file ${paths.unknownPage}

backend maintenance
  http-request return status 503 content-type "text/html; charset=utf-8" hdr Retry-After 30 hdr Cache-Control no-store lf-file ${paths.noticePage} if { req.hdr(accept) -m sub -i text/html }
  http-request return status 503 content-type "text/plain; charset=utf-8" hdr Retry-After 30 hdr Cache-Control no-store lf-file ${paths.noticeText}

backend ${emptySection}
  http-request return status 503 content-type "text/plain; charset=utf-8" hdr Retry-After 5 lf-file ${paths.emptyPage}
`;
}

function renderSlot(slot: number, service: Service | undefined, cookieKey: string): string {
  // A worker that is ending counts no server of its own, so it must not wait for one.
  const mayWait = '{ be_conn lt 2000 } !{ stopping }';
  const isHeld = `{ var(txn.destination) -m end ${heldMark} }`;
  const hold = `  http-request lua.hold if ${mayWait} { nbsrv lt 1 } || ${mayWait} ${isHeld}`;
  const lines = (section: string) =>
    service === undefined || sectionOf(service) !== section ? [] : service.backends.map(renderServer);
  return [
    `backend slot-${slot}`,
    hold,
    ...lines(`slot-${slot}`),
    `backend slot-${slot}-sticky`,
    hold,
    '  cookie hawser insert indirect nocache httponly dynamic attr SameSite=Lax',
    `  dynamic-cookie-key ${cookieKey}`,
    ...lines(`slot-${slot}-sticky`),
  ].join('\n');
}

function renderServer(backend: Service['backends'][number]): string {
  return `  server ${backendId(backend)} ${backend.address} ${serverOptions} weight ${backend.weight}`;
}
