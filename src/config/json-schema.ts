import { z } from 'zod';
import { configSchema } from './schema.ts';

type Node = { [key: string]: unknown };

/** The JSON Schema of deploy.config.json, from the validator itself; editors use it through `$schema`. */
export function describeConfig(): Node {
  const root = z.toJSONSchema(configSchema, {
    io: 'input',
    override: ({ jsonSchema }) => loosen(jsonSchema),
  });
  return {
    ...root,
    title: 'deploy.config.json',
    $defs: {
      outside: {
        description: 'A value from outside: an environment variable, or the content of a file.',
        anyOf: [onlyText('env'), onlyText('file')],
      },
    },
  };
}

function onlyText(key: string): Node {
  return {
    type: 'object',
    properties: { [key]: { type: 'string' } },
    required: [key],
    additionalProperties: false,
  };
}

/** What the reader allows before the validator sees the file: `x-` keys, and values from outside. */
function loosen(node: Node): void {
  if (node.type === 'object' && node.additionalProperties === false) node.patternProperties = { '^x-': {} };
  for (const key of ['properties', 'anyOf', 'items', 'additionalProperties']) {
    if (typeof node[key] === 'object' && node[key] !== null) node[key] = allowOutside(key, node[key] as Node);
  }
}

function allowOutside(key: string, inner: Node): unknown {
  if (key === 'items' || key === 'additionalProperties') return allowOutsideText(inner);
  if (Array.isArray(inner))
    return inner.some(isText) && !inner.includes(outside) ? [...inner, outside] : inner;
  return Object.fromEntries(
    Object.entries(inner).map(([name, value]) => [
      name,
      name === '$schema' ? value : allowOutsideText(value as Node),
    ]),
  );
}

const outside = { $ref: '#/$defs/outside' };

function isText(node: Node): boolean {
  return node.type === 'string' && !('const' in node);
}

function allowOutsideText(node: Node): Node {
  if (!isText(node)) return node;
  const { default: preset, ...text } = node;
  return { ...(preset === undefined ? {} : { default: preset }), anyOf: [text, outside] };
}
