import { type Backend, noticeOf, type Service, type Table } from './table.ts';

/** A backend as the load balancer tells of it. Its id is name and address: a container that moved is another one. */
export type ObservedBackend = {
  readonly id: string;
  readonly state: 'up' | 'down' | 'retired';
  readonly weight: number;
  /** Requests and sessions, queued ones too. */
  readonly sessions: number;
};

/** What the load balancer holds now; sections are `slot-<n>` and `slot-<n>-sticky`. */
export type ObservedTable = {
  readonly slots: number;
  readonly sections: ReadonlyMap<string, readonly ObservedBackend[]>;
  /** Domain to where it leads. */
  readonly routes: ReadonlyMap<string, string>;
  /** Section in maintenance to the text of its page. */
  readonly notices: ReadonlyMap<string, string>;
};

export type Change =
  | { readonly kind: 'grow'; readonly slots: number }
  | { readonly kind: 'close'; readonly section: string; readonly notice: string; readonly known: boolean }
  | { readonly kind: 'reopen'; readonly section: string }
  | { readonly kind: 'add'; readonly section: string; readonly id: string; readonly address: string }
  | { readonly kind: 'readmit'; readonly section: string; readonly id: string }
  | { readonly kind: 'weigh'; readonly section: string; readonly id: string; readonly weight: number }
  | { readonly kind: 'route'; readonly domain: string; readonly destination: string; readonly known: boolean }
  | { readonly kind: 'unroute'; readonly domain: string }
  | { readonly kind: 'retire'; readonly section: string; readonly id: string }
  | { readonly kind: 'forget'; readonly section: string; readonly id: string };

/** The order in which changes are safe: the new is there before the old goes. */
const order: readonly Change['kind'][] = [
  'grow',
  'close',
  'add',
  'readmit',
  'weigh',
  'route',
  'reopen',
  'unroute',
  'retire',
  'forget',
];

/** Where domains of a service without backends lead. */
export const emptySection = 'empty';

const slotStep = 64;

/** The section that holds a service's backends: one pool knows its clients by a cookie, the other does not. */
export function sectionOf(service: Service): string {
  return service.sticky ? `slot-${service.slot}-sticky` : `slot-${service.slot}`;
}

/** What stands behind the section where requests wait for a backend. */
export const heldMark = '+held';

/**
 * Where a service's domains lead. Requests are told to wait before the last backend leaves: one that had found a
 * backend to be there would be refused when it is gone a moment later.
 */
export function destinationOf(service: Service): string {
  if (service.backends.length > 0) return sectionOf(service);
  if (service.holding) return `${sectionOf(service)}${heldMark}`;
  return service.maintenance === null ? emptySection : sectionOf(service);
}

/** Both sections that a slot may use. */
export function sectionsOf(slot: number): readonly string[] {
  return [`slot-${slot}`, `slot-${slot}-sticky`];
}

/** A backend's id in its section. */
export function backendId(backend: Backend): string {
  return `${backend.name}:${backend.address.replace(/[[\]]/g, '')}`;
}

/** How many slots are declared for a table, never fewer than there are. */
export function slotsFor(table: Table, atLeast: number): number {
  const highest = Math.max(-1, ...table.services.map((service) => service.slot));
  return Math.max(atLeast, Math.ceil((highest + 1) / slotStep) * slotStep);
}

/**
 * What to do next to come from what is to what should be, in safe order. It looks one step ahead: a service
 * whose backends are not up yet is only prepared. Repeat until nothing but `forget` is left and nothing waits.
 */
export function planChanges(wanted: Table, observed: ObservedTable): Change[] {
  const slots = slotsFor(wanted, observed.slots);
  if (slots > observed.slots) return [{ kind: 'grow', slots }];
  const ready = wanted.services.filter((service) => findWaiting(service, observed).length === 0);
  const changes = [
    ...planMaintenance(wanted, observed),
    ...wanted.services.flatMap((service) => planAdmission(service, observed)),
    ...wanted.services.flatMap((service) => planRoutes(service, observed, ready.includes(service))),
    ...planUnroutes(wanted, observed),
    ...planRetirement(wanted, ready, observed),
  ];
  return changes.sort((one, other) => order.indexOf(one.kind) - order.indexOf(other.kind));
}

/** Backends of a service that must be seen up before it is switched over to them. */
export function findWaiting(service: Service, observed: ObservedTable): readonly Backend[] {
  const known = backendsById(observed, sectionOf(service));
  return service.backends.filter((backend) => {
    const seen = known.get(backendId(backend));
    if (seen === undefined || seen.state === 'retired') return true;
    return backend.weight > 0 && seen.weight === 0 && seen.state === 'down';
  });
}

function planAdmission(service: Service, observed: ObservedTable): Change[] {
  const section = sectionOf(service);
  const known = backendsById(observed, section);
  const changes = service.backends.flatMap((backend): Change[] => {
    const id = backendId(backend);
    const seen = known.get(id);
    if (seen === undefined) return [{ kind: 'add', section, id, address: backend.address }];
    if (seen.state === 'retired') return [{ kind: 'readmit', section, id }];
    return seen.weight === backend.weight ? [] : [{ kind: 'weigh', section, id, weight: backend.weight }];
  });
  const isReady = findWaiting(service, observed).length === 0;
  return changes.filter((change) => isReady || change.kind !== 'weigh');
}

/** A service that waits for its backends is routed only to show its page, and only where nothing serves yet. */
function planRoutes(service: Service, observed: ObservedTable, isReady: boolean): Change[] {
  const destination = destinationOf(service);
  const isNowhere = (domain: string) => (observed.routes.get(domain) ?? emptySection) === emptySection;
  return service.domains
    .filter((domain) => observed.routes.get(domain) !== destination)
    .filter((domain) => isReady || (service.maintenance !== null && isNowhere(domain)))
    .map((domain) => ({ kind: 'route', domain, destination, known: observed.routes.has(domain) }));
}

/** Both sections of a slot show the page: its domains may still lead to the one that it is leaving. */
function planMaintenance(wanted: Table, observed: ObservedTable): Change[] {
  const notices = new Map(
    wanted.services.flatMap((service) => {
      const notice = noticeOf(service);
      return notice === null ? [] : sectionsOf(service.slot).map((section) => [section, notice] as const);
    }),
  );
  const closing = [...notices]
    .filter(([section, notice]) => observed.notices.get(section) !== notice)
    .map(([section, notice]): Change => {
      return { kind: 'close', section, notice, known: observed.notices.has(section) };
    });
  const reopening = [...observed.notices.keys()]
    .filter((section) => !notices.has(section))
    .map((section): Change => ({ kind: 'reopen', section }));
  return [...closing, ...reopening];
}

function planUnroutes(wanted: Table, observed: ObservedTable): Change[] {
  const domains = new Set(wanted.services.flatMap((service) => service.domains));
  return [...observed.routes.keys()]
    .filter((domain) => !domains.has(domain))
    .map((domain) => ({ kind: 'unroute', domain }));
}

function planRetirement(wanted: Table, ready: readonly Service[], observed: ObservedTable): Change[] {
  const kept = new Set(
    ready.flatMap((service) => service.backends.map((each) => `${sectionOf(service)}/${backendId(each)}`)),
  );
  const waiting = new Set(
    wanted.services
      .filter((service) => !ready.includes(service))
      .flatMap((service) => sectionsOf(service.slot)),
  );
  return [...observed.sections].flatMap(([section, backends]) =>
    waiting.has(section)
      ? []
      : backends
          .filter((backend) => !kept.has(`${section}/${backend.id}`))
          .flatMap((backend) => planFarewell(section, backend)),
  );
}

function planFarewell(section: string, backend: ObservedBackend): Change[] {
  if (backend.state !== 'retired') return [{ kind: 'retire', section, id: backend.id }];
  return backend.sessions === 0 ? [{ kind: 'forget', section, id: backend.id }] : [];
}

function backendsById(observed: ObservedTable, section: string): ReadonlyMap<string, ObservedBackend> {
  return new Map(observed.sections.get(section)?.map((backend) => [backend.id, backend]));
}
