import { createHash } from 'node:crypto';
import { realpath, stat } from 'node:fs/promises';
import { Failure } from '../failure.ts';
import { type BaseImageName, type ImageRecipe, imageRecipes } from './image-recipes.ts';
import { openImageRoot } from './image-root.ts';
import { runPipe, runProgram } from './program.ts';

export type { BaseImageName } from './image-recipes.ts';

/** Counts up when a recipe makes another image from the same inputs. */
const edition = '2';
const label = 'hawser.base';

type MakeOptions = {
  /** As for `docker -H`; the default is the client's own. */
  readonly engine?: string;
  /** Names the images as on the hub too, where no image of another origin has the name. */
  readonly aliases?: boolean;
  readonly signal?: AbortSignal;
};

/**
 * Makes `hawser-base/<name>:latest` for each name from what this machine has (busybox, node) or what Debian's
 * archive has (python, gcc), and skips those that are there. Throws `setup_failed` when a part is missing.
 */
export async function makeBaseImages(
  names: readonly BaseImageName[],
  options: MakeOptions = {},
): Promise<void> {
  const signal = options.signal ?? new AbortController().signal;
  const docker = options.engine === undefined ? [] : ['--host', options.engine];
  for (const name of names) {
    const recipe = imageRecipes[name];
    const content = await hashInputs(recipe);
    if ((await readLabel(docker, recipe.tag, signal)) !== content)
      await importImage({ docker, recipe, content, signal });
    if (options.aliases) await tagAliases({ docker, recipe, content, signal });
  }
}

type Import = {
  readonly docker: readonly string[];
  readonly recipe: ImageRecipe;
  readonly content: string;
  readonly signal: AbortSignal;
};

async function importImage({ docker, recipe, content, signal }: Import): Promise<void> {
  await using root = await openImageRoot(signal);
  await recipe.fill(root);
  const changes = [...recipe.changes, `LABEL ${label}=${content}`].flatMap((line) => ['--change', line]);
  await runPipe(
    ['tar', '-c', '--owner=0', '--group=0', '--numeric-owner', ...modes, '-C', root.path, '.'],
    ['docker', ...docker, 'import', ...changes, '-', recipe.tag],
    signal,
  );
}

/** Added to the modes of the folder, which were made under anybody's umask. */
const modes = ['--mode=u+rwX,go+rX'];

async function tagAliases({ docker, recipe, content, signal }: Import): Promise<void> {
  for (const alias of recipe.aliases) {
    const found = await readLabel(docker, alias, signal);
    if (found === content || found === '') continue;
    await runProgram('docker', [...docker, 'tag', recipe.tag, alias], signal);
  }
}

/** Undefined without such an image, empty for one that is not ours. */
async function readLabel(
  docker: readonly string[],
  tag: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const format = `{{range $key, $value := .Config.Labels}}{{if eq $key "${label}"}}{{$value}}{{end}}{{end}}`;
  try {
    return (await runProgram('docker', [...docker, 'image', 'inspect', '-f', format, tag], signal)).trim();
  } catch (error) {
    if (error instanceof Failure && /No such image/i.test(error.message)) return undefined;
    throw error;
  }
}

/** Path, size and time of each input: reading 150 MB of node each time would cost more than it tells. */
async function hashInputs(recipe: ImageRecipe): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([edition, recipe.tag, recipe.changes]));
  for (const input of recipe.inputs) {
    const path = await realpath(input).catch(() => undefined); // its absence is part of the content
    const { size, mtimeMs } = path ? await stat(path) : { size: 0, mtimeMs: 0 };
    hash.update(JSON.stringify([path, size, mtimeMs]));
  }
  return hash.digest('hex');
}
