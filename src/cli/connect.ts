import { existsSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { Failure } from '../failure.ts';
import type { Target } from './client.ts';
import { readLogins } from './login-file.ts';

/** The file that is meant when none is named. */
export const configName = 'deploy.config.json';

/**
 * Which server to speak to: `HAWSER_URL` with `HAWSER_TOKEN`, or the socket in the data folder of the
 * installation, or where there is none the server of the last `hawser login`. A file that is being edited does not keep one from asking: only its `data` is looked at.
 */
export function chooseTarget(configFile: string | undefined, env: NodeJS.ProcessEnv, cwd: string): Target {
  const { HAWSER_URL: url, HAWSER_TOKEN: token, HAWSER_SOCKET: socketPath } = env;
  if (configFile === undefined && url !== undefined && url !== '') {
    const known = token === undefined || token === '' ? findToken(url, env) : token;
    return { ...chooseUrl(url, known), ...(socketPath === undefined ? {} : { socketPath }) };
  }
  const file = resolve(cwd, configFile ?? configName);
  if (configFile === undefined && !existsSync(file)) {
    const { last, servers } = readLogins(env);
    const login = last === null ? undefined : servers[last];
    if (last !== null && login !== undefined) return { kind: 'url', url: last, token: login.token };
  }
  return { kind: 'socket', path: join(findData(file, env), 'hawser.sock') };
}

/** The token of a login on that server. */
function findToken(url: string, env: NodeJS.ProcessEnv): string | undefined {
  const origin = URL.parse(url)?.origin ?? '';
  const { servers } = readLogins(env);
  return Object.hasOwn(servers, origin) ? servers[origin]?.token : undefined;
}

function chooseUrl(text: string, token: string | undefined): Target {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new Failure('wrong_usage', `HAWSER_URL is ${JSON.stringify(text)}, which is not an http address.`, {
      fix: 'Set it to the "url" of the server, like http://127.0.0.1:7070.',
    });
  }
  return { kind: 'url', url: text, token: token === undefined || token === '' ? null : token };
}

function findData(file: string, env: NodeJS.ProcessEnv): string {
  const data = readData(file);
  if (data.startsWith('~/')) return join(env.HOME ?? '', data.slice(2));
  return isAbsolute(data) ? data : resolve(dirname(file), data);
}

function readData(file: string): string {
  const text = readConfigText(file);
  try {
    const { data = './data' } = Object(JSON.parse(text)) as { data?: unknown };
    if (typeof data === 'string') return data;
  } catch (error) {
    throw new Failure('config_parse_error', `${file} is not JSON: ${(error as Error).message}`, {
      cause: error,
    });
  }
  throw new Failure('config_invalid', `${file}: data: must be a path.`);
}

function readConfigText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Failure('config_not_found', `cannot read ${file}: ${(error as NodeJS.ErrnoException).code}`, {
      cause: error,
      fix: 'Name the file with --config FILE, or reach a server elsewhere: hawser login URL.',
    });
  }
}
