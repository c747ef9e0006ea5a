import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { listForms, listHidden } from '../../src/secrets/forms.ts';
import { makeRedactor } from '../../src/secrets/redactor.ts';
import { measureCpu } from '../support/cpu-time.ts';

// What could be a part of the mark itself would be found in it again.
const isOwn = (text: string) => '[redacted]'.includes(text) || /[[\]]/.test(text);
const value = fc.string({ unit: 'binary', minLength: 8, maxLength: 60 }).filter((text) => !isOwn(text));
const filler = fc.string({ unit: 'binary', maxLength: 40 }).map((text) => text.replaceAll(/[[\]]/g, ''));
const encodings: Readonly<Record<string, (text: string) => string>> = {
  plain: (text) => text,
  json: (text) => JSON.stringify(text).slice(1, -1),
  url: (text) => encodeURIComponent(text.toWellFormed()),
  hex: (text) => Buffer.from(text).toString('hex'),
};

/** The text cut at the given places, pushed piece by piece. */
function redactCut(values: readonly string[], text: string, cuts: readonly number[]): string {
  const stream = makeRedactor(values).stream();
  const at = [...cuts.map((cut) => cut % (text.length + 1)), 0, text.length].toSorted((a, b) => a - b);
  return at.map((end, index) => stream.push(text.slice(at[index - 1] ?? 0, end))).join('') + stream.end();
}

test('no value in any form survives, wherever the text is cut', () => {
  const cuts = fc.array(fc.nat(), { maxLength: 12 });
  const pieces = fc.array(fc.tuple(filler, fc.nat(), fc.constantFrom(...Object.keys(encodings))), {
    minLength: 1,
    maxLength: 6,
  });
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 4 }), pieces, cuts, (values, parts, where) => {
      const text = parts
        .map(([before, which, how]) => before + encodings[how]?.(values[which % values.length] ?? ''))
        .join('');
      const shown = redactCut(values, text, where);
      for (const hidden of values)
        for (const encode of Object.values(encodings)) assert.ok(!shown.includes(encode(hidden)));
      assert.equal(shown, redactCut(values, text, []));
    }),
    { numRuns: 3_000 },
  );
});

test('values within values and one behind the other are hidden alike at every cut', () => {
  const tight = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 3, maxLength: 9 });
  const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 80 });
  fc.assert(
    fc.property(
      fc.array(tight, { minLength: 1, maxLength: 5 }),
      text,
      fc.array(fc.nat()),
      (values, all, cuts) => {
        const shown = redactCut(values, all, cuts);
        assert.equal(shown, redactCut(values, all, []));
        assert.equal(shown, hideSlowly(values, all));
      },
    ),
    { numRuns: 5_000 },
  );
});

/** The same in the plainest way. */
function hideSlowly(values: readonly string[], text: string): string {
  const hidden = new Set<number>();
  for (const form of values.flatMap(listForms))
    for (let at = text.indexOf(form); at !== -1; at = text.indexOf(form, at + 1))
      for (let each = at; each < at + form.length; each += 1) hidden.add(each);
  return Array.from({ length: text.length }, (_, at) => {
    if (!hidden.has(at)) return text[at];
    return hidden.has(at - 1) ? '' : '[redacted]';
  }).join('');
}

test('in base64, wherever it begins in what is encoded, all that depends on the value alone is gone', () => {
  fc.assert(
    fc.property(
      value,
      filler,
      filler,
      fc.array(fc.nat(), { maxLength: 6 }),
      (hidden, before, after, cuts) => {
        for (const alphabet of ['base64', 'base64url'] as const) {
          const all = Buffer.from(before + hidden + after);
          const start = Buffer.byteLength(before);
          const end = start + Buffer.byteLength(hidden);
          if (all.length < end) continue;
          const text = all.toString(alphabet);
          const sure = text.slice(Math.ceil((start * 8) / 6), Math.floor((end * 8) / 6));
          const shown = redactCut([hidden], text, cuts);
          assert.ok(!shown.includes(sure), `${sure} in ${shown}`);
        }
      },
    ),
    { numRuns: 3_000 },
  );
});

test('a text without a value is the same, byte for byte', () => {
  const values = ['correct-horse-battery', 'S3CR3T/value+with=signs'];
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 400 }),
      fc.array(fc.nat(), { maxLength: 9 }),
      (text, cuts) => {
        fc.pre(!values.flatMap(listForms).some((form) => text.includes(form)));
        assert.equal(redactCut(values, text, cuts), text);
      },
    ),
    { numRuns: 2_000 },
  );
});

test('beginnings of values that go on otherwise are given back whole', () => {
  const redactor = makeRedactor(['abcabcabd', 'bcabcabe!']);
  assert.equal(redactor.text('abcabcabcabd abcabcab'), 'abc[redacted] abcabcab');
  assert.equal(redactor.text('abcabcabe! xabcabcabdcabe'), 'a[redacted] x[redacted]cabe');
  const stream = redactor.stream();
  assert.equal(stream.push('abcabcab'), '');
  assert.equal(stream.push('c'), 'abc');
  assert.equal(stream.push('abd'), '');
  assert.equal(stream.end(), '[redacted]');
});

test('values of many lines are hidden line by line, and base64 that was broken into lines', () => {
  const key = ['-----BEGIN KEY-----', 'MIIBVgIBADANBgkqhkiG9w0BAQEFAASCAUAwggE8', '-----END KEY-----'].join(
    '\n',
  );
  const redactor = makeRedactor([key]);
  for (const line of key.split('\n')) assert.equal(redactor.text(`> ${line}`), '> [redacted]');
  const wrapped =
    Buffer.from(key)
      .toString('base64')
      .match(/.{1,76}/g) ?? [];
  assert.ok(wrapped.length > 1);
  for (const line of wrapped) assert.ok(!redactor.text(line).includes(line.slice(0, 20)));
});

test('passwords in addresses and our own tokens are hidden though nobody named them', () => {
  const redactor = makeRedactor([]);
  assert.equal(redactor.text('at redis://user:pa55@host:6379/0'), 'at redis://user:[redacted]@host:6379/0');
  assert.equal(redactor.text(`Bearer hw_${'a'.repeat(40)}.`), 'Bearer [redacted].');
  assert.equal(
    redactor.text('http://shop.localhost:8080/ mail@example.com'),
    'http://shop.localhost:8080/ mail@example.com',
  );
});

test('names of the place and short values are no secrets', () => {
  assert.deepEqual(listHidden(['production', 'true', 'shop-eu-west', 'pa55w0rd'], ['shop-eu-west']), [
    'pa55w0rd',
  ]);
});

test('time grows with the text alone, and what is held back with the longest value alone', () => {
  const values = Array.from({ length: 300 }, (_, at) => `${'a'.repeat(30)}${at}`);
  const stream = makeRedactor(values).stream();
  const text = 'a'.repeat(1_000_000);
  const { value: shown, ms } = measureCpu(() => stream.push(text));
  assert.ok(ms < 5_000, `${ms} ms`);
  assert.ok(text.length - shown.length <= 200);
  assert.equal(shown + stream.end(), text);
});
