import { Failure } from '../failure.ts';
import type { BuildSettings } from '../model/manifest.ts';
import type { Bases, Builder, Detection } from './builder.ts';
import { nodeBuilder } from './builders/node.ts';
import { pythonBuilder } from './builders/python.ts';
import { staticBuilder } from './builders/static.ts';

/** In the order in which they are asked: a site with a package.json is a Node app. */
const builders: readonly Builder[] = [nodeBuilder, pythonBuilder, staticBuilder];

/** Where the Dockerfile of a build comes from. */
export type DockerfilePlan =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'generated'; readonly builder: Builder };

/** `folder/` for paths in the context; empty when the context is the whole repository. */
export function contextPrefix(context: string): string {
  return context === '' ? '' : `${context}/`;
}

/**
 * Which Dockerfile a source is built with. Throws `dockerfile_missing`, `build_context_missing`, or
 * `no_dockerfile` when there is none and no builder knows the app.
 */
export function planDockerfile(settings: BuildSettings, paths: readonly string[]): DockerfilePlan {
  const prefix = contextPrefix(settings.context);
  if (prefix !== '' && !paths.some((path) => path.startsWith(prefix))) {
    throw new Failure('build_context_missing', `the commit has no folder ${settings.context}`);
  }
  const path = settings.dockerfile ?? `${prefix}Dockerfile`;
  if (paths.includes(path)) return { kind: 'file', path };
  if (settings.dockerfile !== null) {
    throw new Failure(
      'dockerfile_missing',
      `the commit has no file ${settings.dockerfile}${suggest(path, paths)}`,
    );
  }
  const files = listContextFiles(settings, paths);
  const builder = builders.find((candidate) => candidate.detect(files));
  if (builder) return { kind: 'generated', builder };
  const sought = builders.map(({ name, looksFor }) => `${name}: ${looksFor}`).join('; ');
  throw new Failure(
    'no_dockerfile',
    `no ${path}${suggest(path, paths)}, and no builder knows the app (${sought})`,
  );
}

/** The paths in the context, relative to it. */
export function listContextFiles(settings: BuildSettings, paths: readonly string[]): Set<string> {
  const prefix = contextPrefix(settings.context);
  return new Set(paths.filter((path) => path.startsWith(prefix)).map((path) => path.slice(prefix.length)));
}

/** The Dockerfile that a builder writes for these files. */
export function generateDockerfile(builder: Builder, detection: Detection, bases: Bases): string {
  return builder.dockerfile(detection, bases);
}

/** Names differ in case between machines more often than people think. */
function suggest(path: string, paths: readonly string[]): string {
  const near = paths.find((known) => known.toLowerCase() === path.toLowerCase());
  return near === undefined ? '' : ` (there is ${near}: case matters)`;
}
