import fc from 'fast-check';

export type JsonSchema = {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
};

/** Texts that a part of the product takes, and texts that none should; every host among them is of the loopback. */
export const texts = [
  ...['shop', 'production', 'web', 'local', 'app1', 'a', '1', '30d', 'read', 'push', 'main', 'a.example.com'],
  ...['KEY', 'fri 16:00-18:00', 'Europe/Berlin', 'u@127.0.0.1:1', 'registry.localhost/x:1', 'ada@localhost'],
  ...[`sha256:${'a'.repeat(64)}`, `SHA256:${'A'.repeat(43)}`, 'http://127.0.0.1:1/x', '2030-01-01T00:00:00Z'],
  ...['', ' ', '$(id)', 'a;b', '../..', '%00', 'a\0b', 'a\nb', '\u001b[2J', '\u202e', '\ud800', 'é', '🦆'],
  ...[
    '__proto__',
    'constructor',
    '-x',
    '--help',
    '1 OR 1=1',
    '1e9',
    'NaN',
    '-1',
    '9'.repeat(30),
    'x'.repeat(5_000),
  ],
];

const text = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...texts) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
);

/** Values of a schema: mostly right, now and then wrong in one place or altogether. */
export function valuesOf(schema: JsonSchema): fc.Arbitrary<unknown> {
  return fc.oneof(
    { weight: 8, arbitrary: rightOf(schema) },
    { weight: 1, arbitrary: fc.oneof(fc.jsonValue({ maxDepth: 2 }), text) },
  );
}

function rightOf(schema: JsonSchema): fc.Arbitrary<unknown> {
  const { anyOf, oneOf, type } = schema;
  const choices =
    anyOf ?? oneOf ?? (Array.isArray(type) ? type.map((each) => ({ ...schema, type: each })) : null);
  if (choices !== null) return fc.oneof(...(choices as JsonSchema[]).map(valuesOf));
  if ('const' in schema) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  return (byType[String(type)] ?? (() => fc.jsonValue({ maxDepth: 2 })))(schema);
}

const byType: Readonly<Record<string, (schema: JsonSchema) => fc.Arbitrary<unknown>>> = {
  string: () => text,
  boolean: () => fc.boolean(),
  null: () => fc.constant(null),
  integer: numbers,
  number: numbers,
  array: ({ items = {} }) => fc.array(valuesOf(items), { maxLength: 3 }),
  object: objects,
};

function numbers({ minimum = -10, maximum = 1_000 }: JsonSchema): fc.Arbitrary<unknown> {
  const least = Math.max(minimum, -(2 ** 31));
  const most = Math.max(least, Math.min(maximum, 2 ** 31));
  return fc.oneof(fc.integer({ min: least, max: most }), fc.constantFrom(0, -1, 0.5, 1e300, 2 ** 53));
}

function objects(schema: JsonSchema): fc.Arbitrary<unknown> {
  const { properties = {}, required = [], additionalProperties } = schema;
  const known = Object.fromEntries(Object.entries(properties).map(([key, inner]) => [key, valuesOf(inner)]));
  const record = fc.record(known, {
    requiredKeys: required.filter((key) => Object.hasOwn(known, key)),
    noNullPrototype: true,
  });
  const inner = typeof additionalProperties === 'object' ? additionalProperties : {};
  const more =
    additionalProperties === undefined || additionalProperties === false
      ? fc.oneof(
          { weight: 12, arbitrary: fc.constant({}) },
          { weight: 1, arbitrary: fc.dictionary(text, text) },
        )
      : fc.dictionary(text, valuesOf(inner), { maxKeys: 3 });
  return fc.tuple(record, more).map(([one, other]) => ({ ...one, ...other }));
}
