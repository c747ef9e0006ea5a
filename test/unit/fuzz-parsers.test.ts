import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { formatDockerRun } from '../../src/api/docker-lines.ts';
import { parseIgnore } from '../../src/build/ignore.ts';
import { planManifest } from '../../src/build/manifest.ts';
import { parseProcfile } from '../../src/build/procfile.ts';
import { parseDotenv } from '../../src/cli/dotenv.ts';
import { parseJsonFile } from '../../src/config/json-file.ts';
import { readConfig } from '../../src/config.ts';
import { Failure } from '../../src/failure.ts';
import { toLines } from '../../src/log/grammar.ts';
import { parseFreezeWindow } from '../../src/model/freeze-window.ts';
import { parseCredentials, parseGitRequest } from '../../src/receive/git/request.ts';
import { parsePackets, serializePacket } from '../../src/receive/packet.ts';
import { matchesPattern } from '../../src/receive/plan.ts';
import { quoteValue } from '../../src/receive/printable.ts';
import { parsePushOptions } from '../../src/receive/push-options.ts';
import { parsePublicKey } from '../../src/receive/ssh/key.ts';
import { parseAsked } from '../../src/receive/ssh/words.ts';
import { parseDomain } from '../../src/route/domain.ts';
import { findSessions, parseCsv, parseWorkers } from '../../src/route/load-balancers/runtime.ts';
import { measureCpu } from '../support/cpu-time.ts';

const folder = mkdtempSync(join(tmpdir(), 'hawser-fuzz-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const configFile = join(folder, 'deploy.config.json');
const seed = Number(process.env.FUZZ_SEED ?? 1);

type Parser = {
  readonly parse: (text: string) => unknown;
  /** What such a text is made of, so that cases get past the first character. */
  readonly words: readonly string[];
  readonly cases?: number;
};

const everywhere = [
  '\0',
  '\n',
  '\r\n',
  ' ',
  '\t',
  '"',
  "'",
  '\\',
  '\u001b[2J',
  '\u202e',
  '\ud800',
  'é',
  '..',
];

const parsers: Readonly<Record<string, Parser>> = {
  packets: {
    parse: (text) => parsePackets(Buffer.from(text, 'latin1')),
    words: ['0000', '0001', '0002', '0003', '0005x', 'ffff', 'FFF', '00', '-001', '+4', '0x10'],
  },
  manifest: {
    parse: (text) => planManifest({ procfile: null, appJson: text }),
    words: [
      ...['{', '}', '[', ']', ':', ',', 'null', '1e999', '-0', 'true', '"x"'],
      ...[
        '"env"',
        '"hawser"',
        '"formation"',
        '"build"',
        '"web"',
        '"healthchecks"',
        '"__proto__"',
        '{"env":{',
      ],
    ],
  },
  Procfile: {
    parse: parseProcfile,
    words: ['web', ':', 'release: x', '#', '--', 'web: npm start', '\ufeff'],
  },
  '.dockerignore': {
    parse: (text) => parseIgnore(text)('a/b/c.txt'),
    words: ['*', '**', '!', '/', '[', ']', '[^', '-', '?', '#', 'a', '**/', '\\'],
  },
  'JSON of the config': {
    parse: (text) => parseJsonFile(text, 'deploy.config.json'),
    words: ['{', '}', '[', ']', ':', ',', '"a"', '1', '-', '1e', '\\u', 'tru', '//', '/*', '\ufeff'],
  },
  '.env': {
    parse: parseDotenv,
    words: ['A', '=', '"', "'", '#', 'export ', '\\n', '$A', '$(id)', 'A=b', '\ufeff'],
  },
  'push options': {
    parse: (text) => parsePushOptions(text.split('|')),
    words: ['env=', 'a', '|', 'no-wait', 'plan', 'override-freeze=', 'skip', ';', '$(id)'],
  },
  'words over SSH': {
    parse: parseAsked,
    words: ['git-receive-pack', 'git', ' ', "'shop.git'", '/', 'receive-pack', 'logs', '-t', '$(', '`'],
  },
  'addresses of git': {
    parse: (text) => parseGitRequest({ method: 'GET', url: text, headers: {} }),
    words: ['/', 'shop.git', '/info/refs', '?service=git-receive-pack', '%2e', '%00', '//', 'http://x'],
  },
  credentials: {
    parse: parseCredentials,
    words: ['Basic ', 'Bearer ', 'ZGVwbG95OnRva2Vu', '=', ',', 'Og=='],
  },
  'public keys': {
    parse: parsePublicKey,
    words: ['ssh-ed25519 ', 'ssh-rsa ', 'AAAAC3NzaC1lZDI1NTE5', 'AAAA', '-----BEGIN', 'command="x" ', '=='],
  },
  domains: { parse: parseDomain, words: ['a', '.', '-', '*', 'xn--', 'é', ':80', 'http://', '_', '1.2.3.4'] },
  'freeze windows': {
    parse: parseFreezeWindow,
    words: ['fri', '-', 'mon', '16:00', '25:61', ' ', '2026-13-40'],
  },
  'branch patterns': {
    parse: (text) => matchesPattern('refs/a/b/c', text),
    words: ['*', '**', 'a', '/', 'refs', '?', '(', '+'],
  },
  'HAProxy workers': { parse: parseWorkers, words: ['# old', '1 worker', '0d1h', ' ', 'worker', '-1'] },
  'HAProxy statistics': { parse: parseCsv, words: ['# pxname,svname', ',', 'web', '__proto__', 'BACKEND'] },
  'HAProxy sessions': {
    parse: (text) => findSessions(text, { section: 'a', id: 'b' }),
    words: ['0x1:', 'be=a', 'srv=b', ' ', '='],
  },
  'what is shown': {
    parse: (text) => [toLines('detail', text), quoteValue(text)],
    words: ['\u001b]8;;', '\u0007', '\u009b', '\r', '\u001bP', '\b'],
  },
  'deploy.config.json': {
    parse: (text) => {
      writeFileSync(configFile, text);
      return readConfig(configFile, {});
    },
    words: [
      ...['{', '}', '[', ']', ':', ',', '1', 'null', '"local"', '"servers"', '"environments"', '"listen"'],
      ...['{"servers":{', '"a":', '"ssh":"u@h"', '"constructor"', '"x-y"', '{"env":"X"}', '{"file":"/"}'],
    ],
    cases: 1_500,
  },
};

function refuses(parse: Parser['parse'], text: string): void {
  try {
    parse(text);
  } catch (error) {
    assert.ok(
      error instanceof Failure,
      `${JSON.stringify(text.slice(0, 200))}: ${(error as Error).stack?.slice(0, 1_000)}`,
    );
    assert.ok(error.status < 500 || error.code === 'load_balancer_lost', error.code);
    assert.ok(error.message.length < 20_000, 'a message without end');
  }
}

for (const [what, { parse, words, cases = 3_000 }] of Object.entries(parsers)) {
  test(`${what}: whatever comes is read or refused by name (seed ${seed})`, () => {
    const piece = fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(...words) },
      { weight: 2, arbitrary: fc.constantFrom(...everywhere) },
      { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 6 }) },
    );
    const text = fc.array(piece, { maxLength: 14 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(text, (one) => refuses(parse, one)),
      { numRuns: cases, seed },
    );
  });

  test(`${what}: a hundred thousand characters of anything cost a moment`, () => {
    for (const word of [...words, ...everywhere, 'a', '(', 'a.', '-a', '0']) {
      const long = word.repeat(Math.ceil(100_000 / word.length));
      for (const text of [long, `${words[0]}${long}`, `${long}!\n${words.at(-1)}`]) {
        const { ms } = measureCpu(() => refuses(parse, text));
        assert.ok(ms < 3_000, `${JSON.stringify(word)} × ${text.length} took ${ms} ms`);
      }
    }
  });
}

test('packets that were written are read, whatever is between and behind them', () => {
  const data = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(fc.array(data, { maxLength: 8 }), fc.nat(3), (written, cut) => {
      const whole = Buffer.concat([
        ...written.map((bytes) => serializePacket(bytes)),
        Buffer.alloc(cut, '0'),
      ]);
      const { packets, rest } = parsePackets(whole);
      const read = packets.flatMap((packet) => (packet.kind === 'data' ? [packet.data] : []));
      assert.deepEqual(read, written);
      assert.equal(rest.length, cut);
    }),
    { numRuns: 2_000, seed },
  );
});

test('no text in a spec leaves its word in a docker line', () => {
  const text = fc.string({ unit: 'binary', maxLength: 30 }).filter((value) => !value.includes('\0'));
  fc.assert(
    fc.property(text, text, (value, command) => {
      const line = formatDockerRun({ name: value, Image: 'x', Env: [`A=${value}`], Cmd: [command] });
      const outside = line.replaceAll(/'[^']*'|\\'/g, '');
      assert.match(outside, /^[A-Za-z0-9_@%+=:,./ -]*$/);
    }),
    { numRuns: 3_000, seed },
  );
});
