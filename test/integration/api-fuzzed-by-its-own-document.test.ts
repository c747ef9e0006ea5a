import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import fc from 'fast-check';
import { Failure } from '../../src/failure.ts';
import { planFolders } from '../../src/supervise/folders.ts';
import { type ApiWorld, openApiWorld } from '../support/api-world.ts';
import { type JsonSchema, texts, valuesOf } from '../support/schema-values.ts';

/** The same requests at every run; FUZZ_SEED=N asks others. */
const seed = Number(process.env.FUZZ_SEED ?? 1);
const enoughMs = 7_000;
/** Also on a machine that is slow today. */
const leastRounds = 3;

type Operation = {
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly schema: JsonSchema }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>> };
};
type Document = { readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>> };
type Case = {
  readonly path: string;
  readonly body: string | null;
  readonly headers: Readonly<Record<string, string>>;
};

async function readDocument(world: ApiWorld): Promise<Document> {
  return (await world.ask('GET', '/api/v1/openapi.json')).json;
}

test('the document is OpenAPI 3.1', async (t) => {
  const document = await readDocument(await openApiWorld(t));
  const { valid, errors } = await new Validator().validate(document);
  assert.ok(valid, JSON.stringify(errors, null, 1));
  const ids = Object.values(document.paths).flatMap((path) => Object.values(path));
  assert.ok(ids.length > 50);
});

/** What stands for a part of a path: something that is there, or anything; what is removed is not what others need. */
function partOf(name: string, method: string): fc.Arbitrary<string> {
  const there: Readonly<Record<string, string>> = { app: 'shop', id: '1', server: 'local', version: '1' };
  const own = method === 'delete' && name === 'app' ? 'gone' : (there[name] ?? '1');
  return fc.oneof(
    { weight: 4, arbitrary: fc.constant(own) },
    { weight: 1, arbitrary: fc.constantFrom(...texts) },
  );
}

function casesOf(path: string, method: string, operation: Operation): fc.Arbitrary<Case> {
  const inPath = operation.parameters.filter((parameter) => parameter.in === 'path');
  const inQuery = operation.parameters.filter((parameter) => parameter.in === 'query');
  const schema = operation.requestBody?.content['application/json']?.schema;
  const parts = fc.tuple(...inPath.map(({ name }) => partOf(name, method)));
  const query = fc.record(Object.fromEntries(inQuery.map((each) => [each.name, valuesOf(each.schema)])), {
    requiredKeys: [],
  });
  const body =
    schema === undefined
      ? fc.constant(null)
      : fc.oneof(
          { weight: 12, arbitrary: valuesOf(schema).map((value) => JSON.stringify(value)) },
          {
            weight: 1,
            arbitrary: fc.constantFrom('', '{', 'null', '[]', '{"a":1,"a":2}', '{"__proto__":{}}'),
          },
        );
  const header = fc.constantFrom(...texts.filter((one) => /^[\x20-\x7e]*$/.test(one)));
  const headers = fc.record(
    {
      accept: header,
      'last-event-id': header,
      'idempotency-key': header,
      'if-match': header,
      origin: header,
    },
    { requiredKeys: [], noNullPrototype: true },
  );
  return fc
    .tuple(parts, query, body, fc.oneof({ weight: 4, arbitrary: fc.constant({}) }, headers))
    .map(([values, asked, text, sent]) => ({
      path:
        fill(
          path,
          inPath.map(({ name }, at) => [name, values[at] ?? '']),
        ) + toQuery(asked),
      body: text,
      headers: sent as Record<string, string>,
    }));
}

function fill(path: string, values: readonly (readonly [string, string])[]): string {
  return values.reduce((filled, [name, value]) => filled.replace(`{${name}}`, encode(value)), path);
}

function toQuery(asked: Readonly<Record<string, unknown>>): string {
  const pairs = Object.entries(asked).map(([name, value]) => `${name}=${encode(show(value))}`);
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

function show(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

/** By the operator's door, where everything is allowed; a stream is left after its first bytes. */
function ask(socketPath: string, method: string, { path, body, headers }: Case): Promise<[number, string]> {
  return new Promise((resolve, reject) => {
    const type = body === null ? {} : { 'content-type': 'application/json' };
    const asked = request({ socketPath, path, method, headers: { ...type, ...headers }, agent: false });
    asked.on('error', reject);
    asked.on('response', (response) => {
      let text = '';
      const leave = () => {
        asked.destroy();
        resolve([response.statusCode ?? 0, text]);
      };
      response.on('data', (chunk) => {
        text += chunk;
        if (/event-stream|text\/plain/.test(response.headers['content-type'] ?? '')) leave();
      });
      response.on('end', leave).on('error', leave);
      response.setTimeout(100, leave);
    });
    asked.end(body ?? undefined);
  });
}

test(`no request that the document allows, or nearly allows, finds a bug (FUZZ_SEED=${seed})`, async (t) => {
  const plan = () => Promise.reject(new Failure('nothing_live', 'a plan needs servers'));
  const world = await openApiWorld(t, { plan });
  await world.finish(await world.queue());
  await world.queue();
  const { socket } = planFolders(world.config.data);
  const document = await readDocument(world);
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      cases: fc.sample(casesOf(path, method, operation), { seed, numRuns: 60 }),
      seen: new Set<number>(),
    })),
  );
  const began = performance.now();
  let asked = 0;
  for (
    let round = 0;
    round < leastRounds || (round < 60 && performance.now() - began < enoughMs);
    round += 1
  ) {
    for (const { method, cases, seen } of operations) {
      const one = cases[round];
      if (one === undefined) continue;
      const [status, text] = await ask(socket, method, one);
      const said = `${method} ${one.path} ${one.body?.slice(0, 500)} ${JSON.stringify(one.headers)}`;
      assert.ok(
        status !== 500 && !text.includes('"code":"internal"'),
        `${said} → ${status} ${text} ${describe(world)}`,
      );
      seen.add(status);
      asked += 1;
    }
  }
  const bugs = world.logged.filter((entry) => 'stack' in entry);
  assert.deepEqual(bugs, []);
  const answered = operations.filter(({ seen }) => [...seen].some((status) => status < 300));
  t.diagnostic(`${asked} requests to ${operations.length} operations, ${answered.length} of them also done`);
  assert.ok(answered.length > 10, 'hardly a request got through');
});

function describe(world: ApiWorld): string {
  return JSON.stringify(world.logged.at(-1))?.slice(0, 3_000) ?? '';
}
