import { Failure } from '../failure.ts';
import type { AwaitedVariable, Check, Manifest, Service } from '../model/manifest.ts';
import type { HealthCheck, Process } from '../model/release.ts';
import { parseAppJson } from './app-json.ts';
import type { AppJson, WrittenHealthCheck } from './app-json-schema.ts';
import { parseProcfile, toCommand } from './procfile.ts';
import { looksSecret } from './secret-look.ts';
import type { SourceFiles } from './source.ts';

export type { Manifest } from '../model/manifest.ts';

const maxBytes = 1024 * 1024;
const emptyAppJson = '{}';

/**
 * What the app says about itself in its Procfile and app.json. Throws `procfile_invalid`, `config_parse_error`,
 * `manifest_invalid` or `not_allowed_in_manifest`.
 */
export async function parseManifest(source: Pick<SourceFiles, 'readFile'>): Promise<Manifest> {
  const procfile = await source.readFile('Procfile', maxBytes);
  const appJson = await source.readFile('app.json', maxBytes);
  return planManifest({
    procfile: procfile === null ? null : decode('Procfile', procfile),
    appJson: appJson === null ? null : decode('app.json', appJson),
  });
}

/** The same from the texts of the files; null for one that is missing. Pure. */
export function planManifest(texts: { procfile: string | null; appJson: string | null }): Manifest {
  const { written, warnings } = parseAppJson(texts.appJson ?? emptyAppJson);
  const lines = texts.procfile === null ? null : parseProcfile(texts.procfile);
  const processes = planProcesses(lines, written);
  const release = lines?.get('release');
  const { build, resources } = written.hawser;
  return {
    processes,
    release: release === undefined ? null : toCommand(release),
    env: planEnv(written),
    awaited: listAwaited(written),
    health: planHealth(written.healthchecks.web ?? []),
    build: {
      dockerfile: build.dockerfile ?? null,
      context: build.context,
      target: build.target ?? null,
      args: build.args,
    },
    resources: {
      ...(resources.memory === undefined ? {} : { memory: resources.memory }),
      ...(resources.cpus === undefined ? {} : { cpus: resources.cpus }),
    },
    check: planCheck(written),
    services: planServices(written),
    warnings: [...warnings, ...listWarnings(written, processes)],
  };
}

function planCheck({ environments }: AppJson): Check | null {
  const { test } = environments;
  const script = test?.scripts.test;
  if (test === undefined || script === undefined) return null;
  const command = typeof script === 'string' ? toCommand(script) : script;
  return { command, env: test.env, timeoutMs: test.timeout };
}

function planServices({ hawser }: AppJson): Service[] {
  return Object.entries(hawser.services).map(([name, { command = null, ready = null, ...service }]) => ({
    name,
    ...service,
    command,
    ready,
  }));
}

function decode(name: string, bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new Failure('manifest_not_text', `${name} is not text in UTF-8`, { cause: error });
  }
}

function planProcesses(lines: ReadonlyMap<string, string> | null, { formation }: AppJson): Process[] {
  const quantityOf = (type: string) => {
    const written = Object.hasOwn(formation, type) ? formation[type]?.quantity : undefined;
    // Nothing said: web runs on every server, any other process once.
    return written ?? (type === 'web' ? null : 1);
  };
  const types = [...(lines?.keys() ?? ['web'])].filter((type) => type !== 'release');
  // A Procfile with only a release command leaves the image's own command as web.
  const named = types.length === 0 ? ['web'] : types;
  return named.map((type) => {
    const line = lines?.get(type);
    return { type, command: line === undefined ? null : toCommand(line), quantity: quantityOf(type) };
  });
}

function planEnv({ env }: AppJson): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, entry]) => {
      const value = typeof entry === 'string' ? entry : entry.value;
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/** As Heroku has it, a variable without a value is expected unless it says otherwise. */
function listAwaited({ env }: AppJson): AwaitedVariable[] {
  return Object.entries(env).flatMap(([name, entry]): AwaitedVariable[] => {
    if (typeof entry === 'string' || entry.value !== undefined) return [];
    if (entry.generator === 'secret') return [{ name, kind: 'secret' }];
    if (entry.required === false) return [];
    return [{ name, kind: entry.required === true ? 'required' : 'expected' }];
  });
}

/** Dokku's meaning: so many attempts, each with its timeout, so long apart; numbers are seconds. */
function planHealth(checks: readonly WrittenHealthCheck[]): Partial<HealthCheck> | null {
  const check = findStartup(checks);
  if (check === undefined) return null;
  const { path, timeout, attempts, wait, initialDelay = 0 } = check;
  const bounded = attempts !== undefined || wait !== undefined || initialDelay > 0;
  const seconds = initialDelay + (attempts ?? 3) * ((timeout ?? 5) + (wait ?? 5));
  return {
    ...(path === undefined ? {} : { path }),
    ...(timeout === undefined ? {} : { timeoutMs: Math.max(50, timeout * 1000) }),
    ...(bounded ? { deadlineMs: Math.max(1000, seconds * 1000) } : {}),
  };
}

function findStartup(checks: readonly WrittenHealthCheck[]): WrittenHealthCheck | undefined {
  const ours = checks.filter(({ type = 'startup', command }) => type === 'startup' && command === undefined);
  return ours.find(({ path }) => path !== undefined) ?? ours[0];
}

function listWarnings(written: AppJson, processes: readonly Process[]): string[] {
  const types = processes.map(({ type }) => type);
  const { formation, healthchecks, environments } = written;
  return [
    ...listSecretLooks(written),
    ...listWithoutEffect('environments', environments, ['test']),
    ...listWithoutEffect('environments.test', environments.test, ['scripts', 'env', 'timeout']),
    ...listWithoutEffect('environments.test.scripts', environments.test?.scripts, ['test']),
    ...Object.keys(formation).flatMap((type) =>
      types.includes(type) || type === 'release'
        ? []
        : [`app.json: formation names "${type}", which no Procfile line is`],
    ),
    ...Object.entries(formation).flatMap(([type, entry]) =>
      Object.keys(entry).flatMap((key) =>
        key === 'quantity' ? [] : [`app.json: formation.${type}.${key.slice(0, 60)} has no effect`],
      ),
    ),
    ...Object.entries(healthchecks).flatMap(([type, checks]) =>
      checks.length > 0 && (type !== 'web' || findStartup(checks) !== checks[0] || checks.length > 1)
        ? [
            `app.json: of healthchecks only the first startup check of web by path has an effect (${type} has others)`,
          ]
        : [],
    ),
  ];
}

/** Names only: the value is in the repository already, and needs not be in a log as well. */
function listSecretLooks({ env }: AppJson): string[] {
  return Object.entries(env).flatMap(([name, entry]) => {
    const value = typeof entry === 'string' ? entry : entry.value;
    return value !== undefined && looksSecret(value)
      ? [
          `app.json: env.${name} looks like a secret (looks_like_secret); set it with hawser config:set instead`,
        ]
      : [];
  });
}

function listWithoutEffect(path: string, value: object | undefined, known: readonly string[]): string[] {
  const others = Object.keys(value ?? {}).filter((key) => !known.includes(key));
  return others.map((key) => `app.json: ${path}.${key.slice(0, 60)} has no effect`);
}
