import type { Settings } from './app.ts';
import type { SettingsChange, ValueChange } from './deploy.ts';

/** Everything of an environment that people set: variables, numbers of processes and domains. */
export type Desired = Settings & { readonly domains: readonly string[] };

/** What somebody asks to be set; null takes a variable away, false a domain. */
export type WantedChange = {
  readonly vars?: Readonly<Record<string, string | null>>;
  readonly scale?: Readonly<Record<string, number>>;
  readonly domains?: Readonly<Record<string, boolean>>;
  /** True stops a process type, false starts it with the number that it had. */
  readonly stopped?: Readonly<Record<string, boolean>>;
};

type Values<T> = Readonly<Record<string, T>>;
type Changes<T> = Values<ValueChange<T>>;

/** What a wish sets, with what is set now; a key that is so already stays in it, since that may be taken back. */
export function planChange(
  now: Desired,
  { vars = {}, scale = {}, domains = {}, stopped = {} }: WantedChange,
): SettingsChange {
  const isStopped = compare(
    toValues(now.stopped ?? []),
    mapValues({ ...findStarted(now, scale), ...stopped }, (wanted) => (wanted ? true : null)),
  );
  return {
    ...unlessNone(isStopped),
    vars: compare(now.vars, vars),
    scale: compare(now.scale, scale),
    domains: compare(
      toValues(now.domains),
      mapValues(domains, (wanted) => (wanted ? true : null)),
    ),
  };
}

/** Whoever gives a stopped process a number wants it to run. */
function findStarted({ stopped = [] }: Desired, scale: Values<number>): Values<boolean> {
  const started = stopped.filter((type) => Object.hasOwn(scale, type) && scale[type] !== 0);
  return Object.fromEntries(started.map((type) => [type, false]));
}

function unlessNone(stopped: Changes<true>): Pick<SettingsChange, 'stopped'> {
  return Object.keys(stopped).length === 0 ? {} : { stopped };
}

/** The settings with a change on top. */
export function applyChange(now: Desired, { vars, scale, domains, stopped = {} }: SettingsChange): Desired {
  const names = toNames(move(toValues(now.stopped ?? []), stopped));
  return {
    ...(names.length === 0 ? {} : { stopped: names }),
    vars: move(now.vars, vars),
    scale: move(now.scale, scale),
    domains: toNames(move(toValues(now.domains), domains)),
  };
}

/** What of a change still holds: the values that are as it set them. */
export function findStanding(
  now: Desired,
  { vars, scale, domains, stopped = {} }: SettingsChange,
): SettingsChange {
  return {
    ...unlessNone(keepStanding(toValues(now.stopped ?? []), stopped)),
    vars: keepStanding(now.vars, vars),
    scale: keepStanding(now.scale, scale),
    domains: keepStanding(toValues(now.domains), domains),
  };
}

/** The settings without a change, key by key, only where the value is still the one that it set. */
export function undoChange(now: Desired, change: SettingsChange): Desired {
  const { vars, scale, domains, stopped = {} } = findStanding(now, change);
  return applyChange(now, {
    vars: reverse(vars),
    scale: reverse(scale),
    domains: reverse(domains),
    stopped: reverse(stopped),
  });
}

/** The same wish on top of other settings than those that it was made for. */
export function rebaseChange(
  now: Desired,
  { vars, scale, domains, stopped = {} }: SettingsChange,
): SettingsChange {
  const to = <T>(changes: Changes<T>) => mapValues(changes, (change) => change.to);
  return {
    ...unlessNone(compare(toValues(now.stopped ?? []), to(stopped))),
    vars: compare(now.vars, to(vars)),
    scale: compare(now.scale, to(scale)),
    domains: compare(toValues(now.domains), to(domains)),
  };
}

/** The wish that a change was made of. */
export function toWanted({ vars, scale, domains, stopped }: SettingsChange): WantedChange {
  const counts = Object.entries(scale).flatMap(([type, { to }]) =>
    to === null ? [] : [[type, to] as const],
  );
  return {
    vars: mapValues(vars, ({ to }) => to),
    scale: Object.fromEntries(counts),
    domains: mapValues(domains, ({ to }) => to !== null),
    ...(stopped === undefined ? {} : { stopped: mapValues(stopped, ({ to }) => to !== null) }),
  };
}

/** True when all is so already. */
export function isEmptyChange({ vars, scale, domains, stopped = {} }: SettingsChange): boolean {
  return [vars, scale, domains, stopped].every((changes) => listMoved<unknown>(changes).length === 0);
}

/** `config: +A ~B -C, scale: web=3, domains: +shop.example`, of variables only the names; empty for no change. */
export function describeChange({ vars, scale, domains, stopped = {} }: SettingsChange): string {
  const parts = {
    config: listMoved(vars).map(([name, change]) => `${markOf(change)}${name}`),
    scale: listMoved(scale).map(([type, { to }]) => (to === null ? `-${type}` : `${type}=${to}`)),
    domains: listMoved(domains).map(([name, change]) => `${markOf(change)}${name}`),
    stop: listMoved(stopped).flatMap(([type, { to }]) => (to === null ? [] : [type])),
    start: listMoved(stopped).flatMap(([type, { to }]) => (to === null ? [type] : [])),
  };
  return Object.entries(parts)
    .flatMap(([title, words]) => (words.length === 0 ? [] : [`${title}: ${words.join(' ')}`]))
    .join(', ');
}

function markOf({ from, to }: ValueChange<unknown>): string {
  if (to === null) return '-';
  return from === null ? '+' : '~';
}

function listMoved<T>(changes: Changes<T>): [string, ValueChange<T>][] {
  return Object.entries(changes)
    .filter(([, { from, to }]) => from !== to)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

function read<T>(values: Values<T>, name: string): T | null {
  return Object.hasOwn(values, name) ? (values[name] ?? null) : null;
}

function compare<T>(now: Values<T>, wanted: Values<T | null>): Changes<T> {
  return Object.fromEntries(
    Object.entries(wanted).map(([name, to]) => [name, { from: read(now, name), to }] as const),
  );
}

function move<T>(now: Values<T>, changes: Changes<T>): Values<T> {
  const next = new Map(Object.entries(now));
  for (const [name, { to }] of Object.entries(changes)) {
    if (to === null) next.delete(name);
    else next.set(name, to);
  }
  return Object.fromEntries(next);
}

function keepStanding<T>(now: Values<T>, changes: Changes<T>): Changes<T> {
  return Object.fromEntries(Object.entries(changes).filter(([name, { to }]) => read(now, name) === to));
}

function reverse<T>(changes: Changes<T>): Changes<T> {
  return mapValues(changes, ({ from, to }) => ({ from: to, to: from }));
}

function mapValues<T, U>(values: Values<T>, map: (value: T) => U): Values<U> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, map(value)]));
}

function toValues(names: readonly string[]): Values<true> {
  return Object.fromEntries(names.map((name) => [name, true as const]));
}

function toNames(values: Values<true>): readonly string[] {
  return Object.keys(values).sort();
}
