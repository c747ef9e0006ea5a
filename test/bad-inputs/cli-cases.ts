import { canary } from './hostile-words.ts';

export type CliCase = {
  readonly row: string;
  readonly argv: readonly string[];
  readonly exit: number;
  readonly says: RegExp;
};

const shell = `$(touch ${canary}-cli)`;

/** Commands that are refused, with the exit code that scripts read. */
export const cliCases: readonly CliCase[] = [
  { row: 'misc-116', argv: ['depoly'], exit: 2, says: /code: wrong_usage/ },
  { row: 'misc-116', argv: ['apps', '--', '--bogus'], exit: 2, says: /code: wrong_usage/ },
  { row: 'api-55', argv: ['apps:create', '--', shell], exit: 2, says: /code: invalid_app_name/ },
  {
    row: 'api-55',
    argv: ['apps:create', '--', `-x;touch ${canary}`],
    exit: 2,
    says: /code: invalid_app_name/,
  },
  { row: 'names-88', argv: ['config:set', '-a', 'shop', '1A=x'], exit: 2, says: /code: variable_invalid/ },
  {
    row: 'names-82',
    argv: ['domains:add', 'exa mple.com', '-a', 'shop'],
    exit: 2,
    says: /code: domain_invalid/,
  },
  { row: 'config-39', argv: ['ps:scale', 'web=-1', '-a', 'shop'], exit: 2, says: /code: \w+/ },
  { row: 'api-66', argv: ['rollback', shell, '-a', 'shop'], exit: 2, says: /code: wrong_usage/ },
  {
    row: 'api-69',
    argv: ['deploy', '--commit', '--help', '-a', 'shop'],
    exit: 2,
    says: /code: commit_id_invalid/,
  },
  {
    row: 'api-69',
    argv: ['deploy', '--commit', `HEAD~1;touch ${canary}`, '-a', 'shop'],
    exit: 2,
    says: /code: commit_id_invalid/,
  },
  {
    row: 'api-69',
    argv: ['deploy', '--commit', '0000000', '-a', 'shop'],
    exit: 4,
    says: /code: commit_not_found/,
  },
  { row: 'api-69', argv: ['deploy', '-a', 'shop'], exit: 2, says: /code: wrong_usage/ },
  {
    row: 'hosts-75',
    argv: ['servers:add', 'app9', `-oProxyCommand=touch ${canary}`],
    exit: 2,
    says: /code: \w+/,
  },
  { row: 'hosts-72', argv: ['keys:add', 'laptop', '/nonexistent'], exit: 2, says: /code: wrong_usage/ },
];
