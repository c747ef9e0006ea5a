import { Failure } from '../failure.ts';
import type { BuildSettings } from '../model/manifest.ts';
import type { Bases, Builder } from './builder.ts';
import { adaptDockerfile } from './classic.ts';
import type { ContextOptions } from './context.ts';
import { parseIgnore } from './ignore.ts';
import { contextPrefix, generateDockerfile, listContextFiles, planDockerfile } from './plan.ts';
import type { SourceFiles } from './source.ts';

export type Dockerfile = {
  /** As messages name it. */
  readonly name: string;
  readonly text: string;
  /** Who wrote it; null when it is the app's own. */
  readonly builder: string | null;
  readonly warnings: readonly string[];
  readonly context: ContextOptions;
};

const maxBytes = 1024 * 1024;
const injectedName = '.hawser.Dockerfile';

/** The Dockerfile of a source and what goes with it into the build. */
export async function readDockerfile(
  source: SourceFiles,
  settings: BuildSettings,
  bases: Bases,
): Promise<Dockerfile> {
  const paths = await source.listFiles();
  const plan = planDockerfile(settings, paths);
  const prefix = contextPrefix(settings.context);
  if (plan.kind === 'generated') {
    const detection = {
      files: listContextFiles(settings, paths),
      contents: await readContents(source, prefix, plan.builder),
    };
    const text = generateDockerfile(plan.builder, detection, bases);
    const context = await planContext(source, settings, { path: null, injected: Buffer.from(text) });
    return { name: 'the generated Dockerfile', text, builder: plan.builder.name, warnings: [], context };
  }
  const { path } = plan;
  const bytes = await source.readFile(path, maxBytes);
  if (bytes === null) throw new Failure('dockerfile_missing', `the commit has no file ${path}`);
  const text = decode(path, bytes);
  if (isEmpty(text)) throw new Failure('dockerfile_empty', `${path} has no instruction`);
  const adapted = adaptDockerfile(text);
  const asItIs = path.startsWith(prefix) && adapted.text === text;
  const context = await planContext(source, settings, {
    path,
    injected: asItIs ? null : Buffer.from(adapted.text),
  });
  return { name: path, text, builder: null, warnings: adapted.warnings, context };
}

async function planContext(
  source: SourceFiles,
  { context }: BuildSettings,
  { path, injected }: { path: string | null; injected: Buffer | null },
): Promise<ContextOptions> {
  const prefix = contextPrefix(context);
  const own = path === null ? null : await source.readFile(`${path}.dockerignore`, maxBytes);
  // A Dockerfile's own rules replace those of the context.
  const rules = own ?? (await source.readFile(`${prefix}.dockerignore`, maxBytes));
  const ignoreText = rules === null ? null : decode('.dockerignore', rules);
  return {
    folder: context,
    isIgnored: parseIgnore(ignoreText ?? ''),
    dockerfile: injected === null && path !== null ? path.slice(prefix.length) : injectedName,
    injected,
    ignoreText,
  };
}

async function readContents(
  source: SourceFiles,
  prefix: string,
  builder: Builder,
): Promise<Record<string, string | null>> {
  const contents: Record<string, string | null> = {};
  for (const name of builder.reads) {
    const bytes = await source.readFile(`${prefix}${name}`, maxBytes);
    contents[name] = bytes === null ? null : decode(name, bytes);
  }
  return contents;
}

function isEmpty(text: string): boolean {
  return text.split(/\r?\n/).every((line) => line.trim() === '' || line.trim().startsWith('#'));
}

function decode(name: string, bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    const code = name.endsWith('ockerfile') ? 'dockerfile_not_text' : 'manifest_not_text';
    throw new Failure(code, `${name} is not text in UTF-8`, { cause: error });
  }
}
