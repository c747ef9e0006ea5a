import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Failure } from '../failure.ts';

/** Where somebody is logged in, by the origin of the server; the last one is meant when none is named. */
export type Logins = {
  readonly last: string | null;
  readonly servers: Readonly<Record<string, Login>>;
};

export type Login = { readonly name: string; readonly token: string };

type Env = NodeJS.ProcessEnv;
const none: Logins = { last: null, servers: {} };

/** What `hawser login` kept. Throws `login_file_open` when others may read it. */
export function readLogins(env: Env): Logins {
  const file = fileOf(env);
  if (file === null) return none;
  try {
    const { mode } = statSync(file);
    if ((mode & 0o077) !== 0) {
      throw new Failure('login_file_open', `Others may read ${file}, which has tokens in it.`);
    }
    const { last = null, servers = {} } = Object(JSON.parse(readFileSync(file, 'utf8'))) as Partial<Logins>;
    return { last, servers };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return none;
    if (error instanceof SyntaxError) {
      throw new Failure('login_file_open', `${file} is not JSON any more.`, { cause: error });
    }
    throw error;
  }
}

/** Replaces the file whole, readable by its user alone from its first byte on. */
export function writeLogins(env: Env, logins: Logins): void {
  const file = fileOf(env);
  if (file === null) throw new Failure('wrong_usage', 'There is no HOME to keep the login in.');
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const fresh = `${file}.${randomBytes(4).toString('hex')}`;
  writeFileSync(fresh, `${JSON.stringify(logins, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
  renameSync(fresh, file);
}

export function addLogin(logins: Logins, origin: string, login: Login): Logins {
  return { last: origin, servers: { ...logins.servers, [origin]: login } };
}

export function dropLogin({ last, servers }: Logins, origin: string): Logins {
  const { [origin]: _, ...rest } = servers;
  return { last: last === origin ? (Object.keys(rest).at(-1) ?? null) : last, servers: rest };
}

/** `https://host:port` of an address as people write it. Throws `wrong_usage`. */
export function originOf(text: string): string {
  const url = URL.parse(text);
  if (url !== null && /^https?:$/.test(url.protocol)) return url.origin;
  throw new Failure('wrong_usage', `${JSON.stringify(text)} is not an http address.`, {
    fix: 'Use the "url" of the server, like https://deploy.example.com.',
  });
}

/** The file of the XDG base directory specification. */
function fileOf({ XDG_CONFIG_HOME: config, HOME: home }: Env): string | null {
  if (config?.startsWith('/')) return join(config, 'hawser', 'login.json');
  return home === undefined || home === '' ? null : join(home, '.config', 'hawser', 'login.json');
}
