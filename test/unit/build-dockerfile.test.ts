import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adaptDockerfile } from '../../src/build/classic.ts';
import { readDockerfile } from '../../src/build/dockerfile.ts';
import { listExposedPorts } from '../../src/build/exposed.ts';
import { planManifest } from '../../src/build/manifest.ts';
import { choosePort } from '../../src/publish/port.ts';
import { sourceOf } from '../support/build-source.ts';

const bases = { node: 'base/node', python: 'base/python', static: 'base/static' };

async function read(files: Readonly<Record<string, string>>, build: object = {}) {
  const manifest = planManifest({ procfile: null, appJson: JSON.stringify({ hawser: { build } }) });
  return readDockerfile(sourceOf(files), manifest.build, bases);
}

const generated: [string, Readonly<Record<string, string>>, string[]][] = [
  [
    'Node with a lock file',
    { 'package.json': '{"scripts":{"start":"x"}}', 'package-lock.json': '{}' },
    [
      'FROM base/node',
      'COPY --chown=1000:1000 package.json package-lock.json /app/\nWORKDIR /app\nUSER 1000:1000\n',
      'RUN npm ci --omit=dev',
      'CMD ["npm","start"]',
    ],
  ],
  [
    'Node without one',
    { 'package.json': '{"main":"lib/go.js"}' },
    ['COPY --chown=1000:1000 package.json /app/', 'RUN npm install --omit=dev', 'CMD ["node","lib/go.js"]'],
  ],
  ['Node without a main', { 'package.json': '{}', 'index.js': '' }, ['CMD ["node","index.js"]']],
  [
    'Node with a script at install',
    { 'package.json': '{"scripts":{"postinstall":"x"}}' },
    ['COPY --chown=1000:1000 . /app/\nWORKDIR /app\nUSER 1000:1000\nRUN npm install'],
  ],
  ['Node with a broken package.json', { 'package.json': '{' }, ['RUN npm install']],
  [
    'Python with requirements',
    { 'requirements.txt': '', 'main.py': '' },
    [
      'FROM base/python',
      'RUN pip install --no-cache-dir -r requirements.txt',
      'USER 1000:1000\nCMD ["python","main.py"]',
    ],
  ],
  [
    'Python with one file',
    { 'app.py': '' },
    ['COPY --chown=1000:1000 . /app/', 'USER 1000:1000\nCMD ["python","app.py"]'],
  ],
  ['static files', { 'index.html': '' }, ['FROM base/static', 'COPY . /www', 'USER 1000:1000\nCMD']],
  ['static files in a folder', { 'dist/index.html': '', 'x.css': '' }, ['COPY dist/ /www']],
];
for (const [what, files, parts] of generated) {
  test(`generates a Dockerfile for ${what}`, async () => {
    const { text, builder, context } = await read(files);
    assert.notEqual(builder, null);
    for (const part of parts) assert.ok(text.includes(part), `${part} is not in\n${text}`);
    assert.equal(context.injected?.toString(), text);
  });
}

test('a Dockerfile of the app wins; its own rules win over those of the context', async () => {
  const files = {
    Dockerfile: 'FROM x',
    'package.json': '{}',
    '.dockerignore': 'a',
    'Dockerfile.dockerignore': 'b',
  };
  const { builder, context } = await read(files);
  assert.equal(builder, null);
  assert.equal(context.injected, null);
  assert.deepEqual(['a', 'b'].map(context.isIgnored), [false, true]);
});

test('in a folder as context, its Dockerfile and rules count', async () => {
  const files = { Dockerfile: 'FROM root', 'sub/Dockerfile': 'FROM sub', 'sub/.dockerignore': 'a' };
  const { text, context } = await read(files, { context: 'sub' });
  assert.equal(text, 'FROM sub');
  assert.equal(context.dockerfile, 'Dockerfile');
  assert.equal(context.isIgnored('a'), true);
});

test('the published port is the exposed one, of several the usual one', () => {
  const choose = (...keys: string[]) =>
    choosePort(listExposedPorts(Object.fromEntries(keys.map((key) => [key, {}]))));
  assert.equal(choose(), 8080);
  assert.equal(choose('4567/tcp'), 4567);
  assert.equal(choose('3001/udp', '3000/tcp', '3003/tcp'), 3000);
  assert.equal(choose('9999/tcp', '4000/tcp'), 4000);
  assert.equal(choose('80/tcp', '8080/tcp'), 8080);
  assert.equal(choose('53/udp', '0/tcp', '70000/tcp', 'x'), 8080);
  assert.deepEqual(listExposedPorts(null), []);
});

test('what only makes a build faster is left out, and lines keep their numbers', () => {
  const text = [
    'FROM x',
    'RUN --mount=type=cache,target=/root/.npm --mount=type=bind,target=/y \\',
    '    --mount=target=/z,type=cache,sharing=locked \\',
    '    npm ci --mount=type=cache',
    'COPY --link --from=one /a /b',
    'run echo --mount=type=cache',
  ].join('\n');
  const adapted = adaptDockerfile(text);
  assert.deepEqual(
    adapted.text.split('\n').map((line) => line.replace(/ +/g, ' ')),
    [
      'FROM x',
      'RUN --mount=type=bind,target=/y \\',
      ' \\',
      ' npm ci --mount=type=cache',
      'COPY --from=one /a /b',
      'run echo --mount=type=cache',
    ],
  );
  assert.equal(adapted.warnings.length, 1);
  assert.deepEqual(adaptDockerfile('FROM x\nRUN true\n'), { text: 'FROM x\nRUN true\n', warnings: [] });
});
