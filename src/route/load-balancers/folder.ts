import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Failure } from '../../failure.ts';
import type { Table } from '../table.ts';
import {
  type Listen,
  type Paths,
  parseConfig,
  renderConfig,
  renderHosts,
  renderNotices,
} from './config-file.ts';
import { downPage, emptyPage, noticePage, noticeText, renderScript, unknownPage } from './pages.ts';

const runFile = promisify(execFile);

const unfinished = '.new';
const oldMs = 60_000;

export type Saved = { readonly table: Table; readonly slots: number };

/** What the config in the folder holds; undefined when there is none or it is not whole. */
export async function readSaved(paths: Paths): Promise<Saved | undefined> {
  try {
    return parseConfig(await readFile(paths.config, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/**
 * Writes everything that HAProxy starts from. The config is checked by HAProxy before it takes the place of
 * the last good one, and goes first: the maps can be made again from it. Returns false when nothing differs.
 */
export async function writeSaved(saved: Saved, options: { paths: Paths; listen: Listen }): Promise<boolean> {
  const { paths, listen } = options;
  await mkdir(paths.folder, { recursive: true, mode: 0o700 });
  const text = renderConfig({ ...saved, paths, listen, cookieKey: await ensureCookieKey(paths) });
  await writeFixedParts(paths);
  const changed = await writeWhole(paths.config, text, checkConfig);
  await writeWhole(paths.hosts, renderHosts(saved.table));
  await writeWhole(paths.notices, renderNotices(saved.table));
  return changed;
}

/** Removes what a process that was killed while it wrote has left. */
export async function sweepUnfinished(paths: Paths): Promise<void> {
  await mkdir(paths.folder, { recursive: true, mode: 0o700 });
  const names = await readdir(paths.folder);
  for (const name of names.filter((each) => each.endsWith(unfinished))) {
    const path = join(paths.folder, name);
    if (await isOld(path)) await rm(path, { force: true });
  }
}

/** The secret that cookies of sticky services are made with; it lasts, so clients stay where they are over a restart. */
export async function ensureCookieKey(paths: Paths): Promise<string> {
  const known = await readIfThere(paths.cookieKey);
  if (known !== undefined && /^[0-9a-f]{32}$/.test(known)) return known;
  const key = randomBytes(16).toString('hex');
  await writeWhole(paths.cookieKey, key);
  return key;
}

async function writeFixedParts(paths: Paths): Promise<void> {
  await writeWhole(paths.lua, renderScript(paths.hosts));
  await writeWhole(paths.unknownPage, unknownPage);
  await writeWhole(paths.emptyPage, emptyPage);
  await writeWhole(paths.downPage, downPage);
  await writeWhole(paths.noticePage, noticePage);
  await writeWhole(paths.noticeText, noticeText);
  // HAProxy refuses a config whose maps are missing.
  for (const map of [paths.hosts, paths.notices]) await (await open(map, 'a', 0o600)).close();
}

async function isOld(path: string): Promise<boolean> {
  try {
    return Date.now() - (await stat(path)).mtimeMs > oldMs;
  } catch (error) {
    // It is whole now, under its own name.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Temporary file, fsync, rename, fsync of the folder; nothing when the content is the same already. */
async function writeWhole(
  path: string,
  text: string,
  check?: (path: string) => Promise<void>,
): Promise<boolean> {
  if ((await readIfThere(path)) === text) return false;
  // The supervisor starts HAProxy while a worker changes its table: each has a file of its own until it is whole.
  const fresh = `${path}.${randomBytes(4).toString('hex')}${unfinished}`;
  {
    await using file = await open(fresh, 'w', 0o600);
    await file.writeFile(text);
    await file.sync();
  }
  await check?.(fresh);
  await rename(fresh, path);
  await using folder = await open(dirname(path), 'r');
  await folder.sync();
  return true;
}

async function checkConfig(path: string): Promise<void> {
  try {
    await runFile('haproxy', ['-c', '-f', path], { timeout: 30_000 });
  } catch (error) {
    const { code, stderr } = error as { code?: unknown; stderr?: string };
    if (code === 'ENOENT') {
      throw new Failure('load_balancer_missing', 'haproxy is not installed on this machine', {
        cause: error,
      });
    }
    throw new Failure(
      'load_balancer_config',
      `HAProxy refuses the config: ${stderr?.trim() ?? String(error)}`,
      {
        cause: error,
      },
    );
  }
}
