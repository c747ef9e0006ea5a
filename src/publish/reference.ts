import { Failure } from '../failure.ts';

/** An image as people name it, with nothing left out. */
export type ImageReference = {
  /** `host[:port]` of its registry; null for the engine's own one. */
  readonly host: string | null;
  /** Its path there. */
  readonly path: string;
  /** For the engine: by digest when there is one, otherwise by tag. */
  readonly name: string;
};

const part = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const label = '[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?';
const hostPattern = new RegExp(`^(?:${label}(?:\\.${label})*|\\[[0-9A-Fa-f:.]{2,45}\\])(?::\\d{1,5})?$`);
const pathPattern = new RegExp(`^${part}(?:/${part})*$`);
const endPattern = /^(.*?)(?::([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$/;
const longest = 400;

/** Reads `nginx:1.27`, `registry.example.com:5000/team/app@sha256:…`. Pure. Throws `image_name_invalid`. */
export function parseReference(text: string): ImageReference {
  // An upper bound first: what follows looks at every character.
  const [, repository = '', tag, digest] = text.length > longest ? [] : (endPattern.exec(text) ?? []);
  const [first = '', ...rest] = repository.split('/');
  // As the engine reads it: a first part that looks like a host is one.
  const isHost = rest.length > 0 && (/[.:[]/.test(first) || first === 'localhost');
  const host = isHost ? first.toLowerCase() : null;
  const path = isHost ? rest.join('/') : repository;
  if (!pathPattern.test(path) || (host !== null && !hostPattern.test(host))) {
    const shown = JSON.stringify(text.slice(0, 80));
    throw new Failure('image_name_invalid', `${shown} is not the name of an image.`);
  }
  return {
    host,
    path,
    name: `${host === null ? '' : `${host}/`}${path}${digest === undefined ? `:${tag ?? 'latest'}` : `@${digest}`}`,
  };
}
