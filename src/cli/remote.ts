import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Failure } from '../failure.ts';

const run = promisify(execFile);

/** Apps that the remotes of a repository name on this server. `remotes` is what `git remote -v` prints. Pure. */
export function findApps(remotes: string, places: readonly string[]): string[] {
  const apps = remotes.split('\n').flatMap((line) => {
    const url = URL.parse(line.split('\t')[1]?.split(' ')[0] ?? '');
    const app = /^\/([^/]+?)(?:\.git)?\/?$/.exec(url?.pathname ?? '')?.[1];
    return url && app && places.includes(url.host) ? [app] : [];
  });
  return [...new Set(apps)];
}

/** The app whose remote the folder has. Throws `app_not_named` when there is none, or more than one. */
export async function readAppOfFolder(folder: string, places: readonly string[]): Promise<string> {
  const apps = findApps(await listRemotes(folder), places);
  const [app, ...others] = apps;
  if (app !== undefined && others.length === 0) return app;
  if (app === undefined) {
    throw new Failure('app_not_named', 'Which app? This folder has no git remote on this server.');
  }
  throw new Failure('app_not_named', `Which app? This folder has remotes of ${apps.join(', ')}.`);
}

async function listRemotes(folder: string): Promise<string> {
  try {
    const { stdout } = await run('git', ['-C', folder, 'remote', '-v'], { timeout: 5_000 });
    return stdout;
  } catch {
    // Not a repository, or no git: there is no remote then.
    return '';
  }
}
