import { canary, hostileWords } from './hostile-words.ts';

export type FileCase = {
  readonly row: string;
  readonly what: string;
  readonly text: string;
  readonly code: RegExp;
};

const show = (text: string) => JSON.stringify(text).slice(0, 60);
const of = (row: string, content: object, code = /^(?:config|manifest)_invalid$/): FileCase => ({
  row,
  what: show(JSON.stringify(content)),
  text: JSON.stringify(content),
  code,
});
const texts = (row: string, code: RegExp, ...all: string[]): FileCase[] =>
  all.map((text) => ({ row, what: show(text), text, code }));

const everyFile: readonly FileCase[] = [
  ...texts(
    'config-33',
    /^config_parse_error$/,
    '',
    '{',
    '{"a":1,}',
    '\ufeff{}',
    '{//x\n}',
    "{'a':1}",
    '{"a":1}x',
  ),
  ...texts('config-34', /^config_not_object$|^manifest_invalid$/, '[]', '"x"', 'null', '1'),
  ...texts('config-34', /^config_parse_error$/, '['.repeat(10_000), '{"a":'.repeat(10_000)),
];

const numbers = ['80', '$(id)', 0, -1, 65_536, 80.5, null, [], {}];
const paths = ['http://169.254.169.254/', '//x', '/a\r\nHost: x', '', 'x', '/a b', `/${'x'.repeat(10_000)}`];
const times = ['10 lightyears', '0', '-5', '1e99', 5, '', '5m; id', '１m'];
const sizes = ['64', 64, '1e9', '4 m', '-1m', '', '$(id)m'];

/** Of `deploy.config.json`, the operator's file. */
export const configCases: readonly FileCase[] = [
  ...everyFile,
  of('config-36', { prot: 1 }),
  of('config-36', { environments: { production: { branchs: ['main'] } } }),
  ...texts('config-35', /^config_invalid$/, '{"url":"http://a","url":"http://b"}'),
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty'].flatMap((key) => [
    ...texts('config-37', /^config_invalid$/, `{"${key}":{"polluted":1}}`),
    ...texts('config-37', /^config_invalid$/, `{"servers":{"${key}":"local"},"x":1}`),
  ]),
  ...numbers.map((port) => of('config-38', { listen: { http: `127.0.0.1:${port}x` } })),
  ...paths.map((path) =>
    of('config-40', { environments: { production: { rollout: { health: { path } } } } }),
  ),
  ...times.map((drain) => of('config-41', { environments: { production: { rollout: { drain } } } })),
  ...sizes.map((memory) => of('config-44', { limits: { container: { memory } } })),
  ...hostileWords.flatMap((word) => [
    of('config-43', { servers: { a: { ssh: word } } }),
    of('config-43', { servers: { a: { ssh: `u@${word}` } } }),
    of('config-43', { servers: { a: { ssh: 'u@h', address: word } } }),
    of('config-43', { servers: { [word]: 'local' } }),
    of('config-43', { environments: { [word]: { branches: ['main'] } } }),
    of('config-43', { environments: { production: { branches: [`x ${word}`] } } }),
    of('config-43', { listen: { http: word } }),
    of('config-43', { loadBalancer: { listen: word } }),
    of('config-43', { domain: `{app}.${word}` }),
    of('config-43', { registry: { url: `https://x/${word}?`, namespace: word } }),
    of('config-43', { builders: { bases: { node: `node ${word}` } } }),
    of('config-43', { redis: word }),
    of('config-43', { url: word }),
  ]),
];

const hawser = (content: object) => ({ hawser: content });

/** Of `app.json`, the pushed file. */
export const manifestCases: readonly FileCase[] = [
  ...everyFile,
  of('config-36', hawser({ biuld: {} })),
  ...texts('config-35', /^manifest_invalid$/, '{"env":{"A":"1"},"env":{}}'),
  ...[0.5, -1, 1e9, '2', null].map((quantity) => of('config-39', { formation: { web: { quantity } } })),
  ...paths.map((path) => of('config-40', { healthchecks: { web: [{ path }] } })),
  ...sizes.map((memory) => of('config-44', hawser({ resources: { memory } }))),
  ...[
    { privileged: true },
    { volumes: ['/var/run/docker.sock:/var/run/docker.sock'] },
    { volumes: ['/:/host'] },
    { network: 'host' },
    { cap_add: ['SYS_ADMIN'] },
    { devices: ['/dev/kmsg'] },
    { pid: 'host' },
    { ipc: 'host' },
    { security_opt: ['seccomp=unconfined'] },
    { userns: 'host' },
    { cgroup_parent: '/' },
    { sysctls: { 'kernel.core_pattern': `|touch ${canary}` } },
    { extra_hosts: ['a:1.2.3.4'] },
  ].map((content) => of('config-42', hawser(content), /^not_allowed_in_manifest$/)),
  ...['../Dockerfile', '/etc/passwd', 'a\0b', '-f x', '-f', 'a/../../b', 'a\\b', 'a//b'].flatMap((path) => [
    of('config-43', hawser({ build: { dockerfile: path } })),
    of('config-43', hawser({ build: { context: path } })),
  ]),
  ...['--help', 'a b', '$(id)', '-x', 'a;b'].map((target) => of('config-43', hawser({ build: { target } }))),
  ...['A B', '1A', '', 'A=B', 'A\0', `$(touch ${canary})`].map((name) =>
    of('config-46', { env: { [name]: 'x' } }),
  ),
  ...[1, [], 'a\0b', 'x'.repeat(200_000)].map((value) => of('config-46', { env: { A: value } })),
  ...hostileWords.map((image) => of('config-43', hawser({ services: { db: { image, port: 1 } } }))),
];
