import { hostileWords } from './hostile-words.ts';

export type ApiCase = {
  readonly row: string;
  readonly what: string;
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
  /** Status and code. */
  readonly answer: RegExp;
};

/** A place of the API that takes a word, with what it says of one that is none. */
type Place = Omit<ApiCase, 'what' | 'path' | 'body'> & {
  readonly path: (word: string) => string;
  readonly body?: (word: string) => unknown;
};

const fingerprint = `SHA256:${'A'.repeat(43)}`;
const server = (fields: object) => ({ name: 'app9', ssh: 'u@127.0.0.1:1', fingerprint, ...fields });
const part = encodeURIComponent;
const at = (path: string) => () => path;
const invalid = /^400 invalid_input$/;
const nowhere = /^404 (?:app_not_found|route_not_found)$/;

const places: readonly Place[] = [
  {
    row: 'api-55',
    method: 'POST',
    path: at('/apps'),
    body: (name) => ({ name }),
    answer: /^400 invalid_app_name$/,
  },
  { row: 'api-53', method: 'GET', path: (word) => `/apps/${part(word)}`, answer: nowhere },
  { row: 'api-53', method: 'DELETE', path: (word) => `/apps/${part(word)}`, answer: nowhere },
  {
    row: 'api-53',
    method: 'GET',
    path: (word) => `/deploys/${part(word)}`,
    answer: /^404 (?:deploy_not_found|route_not_found)$/,
  },
  {
    row: 'api-53',
    method: 'POST',
    path: (word) => `/deploys/${part(word)}/retry`,
    body: () => ({}),
    answer: /^404 (?:deploy_not_found|route_not_found)$/,
  },
  {
    row: 'api-53',
    method: 'GET',
    path: (word) => `/servers/${part(word)}`,
    answer: /^404 (?:server_unknown|route_not_found)$/,
  },
  {
    row: 'api-54',
    method: 'GET',
    path: (word) => `/deploys?cursor=${part(word)}`,
    answer: /^400 invalid_cursor$/,
  },
  { row: 'api-54', method: 'GET', path: (word) => `/deploys?limit=${part(word)}`, answer: invalid },
  {
    row: 'config-50',
    method: 'GET',
    path: (word) => `/apps/shop/releases?env=${part(word)}`,
    answer: /^404 environment_unknown$/,
  },
  {
    row: 'api-53',
    method: 'GET',
    path: (word) => `/apps/shop/logs?process=${part(word)}`,
    answer: invalid,
  },
  {
    row: 'api-53',
    method: 'GET',
    path: (word) => `/apps/shop/logs?server=${part(word)}`,
    answer: /^404 server_unknown$/,
  },
  {
    row: 'api-69',
    method: 'POST',
    path: at('/apps/shop/deploys'),
    body: (commit) => ({ commit }),
    answer: /^400 (?:commit_id_invalid|invalid_input)$/,
  },
  {
    row: 'api-66',
    method: 'POST',
    path: at('/apps/shop/rollback'),
    body: (digest) => ({ digest }),
    answer: invalid,
  },
  {
    row: 'api-66',
    method: 'POST',
    path: at('/apps/shop/rollback'),
    body: (version) => ({ version }),
    answer: invalid,
  },
  {
    row: 'names-82',
    method: 'POST',
    path: at('/apps/shop/domains'),
    body: (word) => ({ domains: { [word]: true } }),
    answer: /^400 domain_invalid$/,
  },
  {
    row: 'names-88',
    method: 'POST',
    path: at('/apps/shop/config'),
    body: (word) => ({ vars: { [word]: 'x' } }),
    answer: /^400 (?:variable_invalid|invalid_input)$/,
  },
  {
    row: 'config-39',
    method: 'POST',
    path: at('/apps/shop/scale'),
    body: (word) => ({ scale: { [word]: 1 } }),
    answer: invalid,
  },
  {
    row: 'config-39',
    method: 'POST',
    path: at('/apps/shop/scale'),
    body: (word) => ({ scale: { web: word } }),
    answer: invalid,
  },
  { row: 'api-60', method: 'POST', path: at('/tokens'), body: (name) => ({ name }), answer: invalid },
  {
    row: 'api-60',
    method: 'POST',
    path: at('/tokens'),
    body: (word) => ({ rights: [word] }),
    answer: invalid,
  },
  {
    row: 'hosts-73',
    method: 'POST',
    path: at('/keys'),
    body: (key) => ({ name: 'laptop', key }),
    answer: /^400 (?:key_\w+|one_key_at_a_time)$/,
  },
  {
    row: 'hosts-75',
    method: 'POST',
    path: at('/servers'),
    body: (ssh) => server({ ssh }),
    answer: invalid,
  },
  {
    row: 'hosts-75',
    method: 'POST',
    path: at('/servers'),
    body: (word) => server({ ssh: `u@${word}` }),
    answer: invalid,
  },
  {
    row: 'hosts-76',
    method: 'POST',
    path: at('/servers'),
    body: (word) => server({ ssh: `u@127.0.0.1:22${word}` }),
    answer: invalid,
  },
  {
    row: 'hosts-75',
    method: 'POST',
    path: at('/servers'),
    body: (address) => server({ address }),
    answer: invalid,
  },
  {
    row: 'hosts-75',
    method: 'POST',
    path: at('/servers'),
    body: (name) => server({ name }),
    answer: invalid,
  },
  {
    row: 'hosts-75',
    method: 'POST',
    path: at('/servers/host-key'),
    body: (ssh) => ({ ssh }),
    answer: invalid,
  },
  {
    row: 'hosts-77',
    method: 'POST',
    path: at('/servers/local/trust'),
    body: (word) => ({ fingerprint: word }),
    answer: invalid,
  },
  {
    row: 'hosts-75',
    method: 'POST',
    path: at('/servers/join'),
    body: (word) => ({ token: 'x', name: 'a', address: word, user: word, hostKey: fingerprint }),
    answer: invalid,
  },
  {
    row: 'hosts-75',
    method: 'POST',
    path: at('/servers/invitations'),
    body: (word) => ({ roles: [word] }),
    answer: invalid,
  },
  {
    row: 'config-41',
    method: 'POST',
    path: at('/apps/shop/lock'),
    body: (word) => ({ message: 'x', for: word }),
    answer: invalid,
  },
  {
    row: 'config-41',
    method: 'POST',
    path: at('/apps/shop/freezes'),
    body: (window) => ({ window, reason: 'x' }),
    answer: /^400 (?:freeze_invalid|invalid_input)$/,
  },
  {
    row: 'config-41',
    method: 'POST',
    path: at('/freezes'),
    body: (zone) => ({ window: 'fri 16:00-18:00', zone, reason: 'x' }),
    answer: /^400 freeze_invalid$/,
  },
];

const ofPlaces: readonly ApiCase[] = places.flatMap(({ path, body, ...rest }) =>
  hostileWords.map((word) => ({
    ...rest,
    what: word,
    path: path(word),
    ...(body === undefined ? {} : { body: body(word) }),
  })),
);

const names = [
  '-x',
  '--help',
  'a b',
  'a%00b',
  'A',
  'é',
  '..',
  '.git',
  'a.git',
  'a'.repeat(64),
  'аpp',
  'app\u200b',
];

const single: readonly ApiCase[] = [
  ...names.map(
    (name): ApiCase => ({
      row: 'api-55',
      what: name,
      method: 'POST',
      path: '/apps',
      body: { name },
      answer: /^400 invalid_app_name$/,
    }),
  ),
  ...['shop', 'SHOP'].map(
    (name): ApiCase => ({
      row: 'api-65',
      what: name,
      method: 'POST',
      path: '/apps',
      body: { name },
      answer: name === 'shop' ? /^409 app_exists$/ : /^400 invalid_app_name$/,
    }),
  ),
  ...[0, -1, 70_000, 80.5].map(
    (port): ApiCase => ({
      row: 'hosts-76',
      what: `port ${port}`,
      method: 'POST',
      path: '/servers',
      body: server({ ssh: `u@127.0.0.1:${port}` }),
      answer: invalid,
    }),
  ),
  ...['1A', 'A-B', 'a b', '=x', '', 'A\0', 'PORT', 'HAWSER_X', 'é'].map(
    (name): ApiCase => ({
      row: 'names-88',
      what: name,
      method: 'POST',
      path: '/apps/shop/config',
      body: { vars: { [name]: 'x' } },
      answer: /^400 variable_invalid$/,
    }),
  ),
  ...['a\0b', 'x'.repeat(100_000)].map(
    (value): ApiCase => ({
      row: 'names-89',
      what: value.slice(0, 10),
      method: 'POST',
      path: '/apps/shop/config',
      body: { vars: { A: value } },
      answer: /^400 variable_invalid$/,
    }),
  ),
  {
    row: 'names-90',
    what: '2,000 variables',
    method: 'POST',
    path: '/apps/shop/config',
    body: { vars: Object.fromEntries(Array.from({ length: 2_000 }, (_, n) => [`A${n}`, 'x'.repeat(200)])) },
    answer: /^400 variables_too_large$/,
  },
  ...[0, -1, 1_000_000, 1.5].map(
    (quantity): ApiCase => ({
      row: 'config-39',
      what: `${quantity} of nobody`,
      method: 'POST',
      path: '/apps/shop/scale',
      body: { scale: { nobody: quantity } },
      answer: /^(?:400 invalid_input|404 process_unknown)$/,
    }),
  ),
  ...[[], 'x', null, 1].map(
    (body): ApiCase => ({
      row: 'api-51',
      what: JSON.stringify(body),
      method: 'POST',
      path: '/apps',
      body,
      answer: /^400 (?:invalid_input|invalid_json)$/,
    }),
  ),
];

export const apiCases: readonly ApiCase[] = [...ofPlaces, ...single];
