import { canary, hostileBranches, hostileWords } from './hostile-words.ts';

export type GitCase = {
  readonly row: string;
  readonly what: string;
  /** The address's last part; `shop` when it is left out. */
  readonly app?: string;
  /** What is pushed; `main` when it is left out. */
  readonly refs?: readonly string[];
  readonly options?: readonly string[];
  readonly says: RegExp;
};

const isOneLine = (word: string) => !word.includes('\n');

/** Pushes that are refused, by HTTP and by SSH alike. */
export const gitCases: readonly GitCase[] = [
  { row: 'push-01', what: 'an app that is not there', app: 'nope', says: /app_not_found|does not exist/ },
  ...hostileWords.filter(isOneLine).map((word) => ({
    row: 'push-02',
    what: word,
    app: word,
    says: /invalid_app_name|git_path_unknown|wrong_usage|URL rejected|git_request_invalid|error: 400|ssh_command/,
  })),
  ...hostileBranches.map((branch) => ({
    row: 'push-03',
    what: branch,
    refs: [`main:refs/heads/${branch}`],
    says: /branch_not_deployed/,
  })),
  ...['refs/deploy/1', 'refs/replace/x', 'refs/notes/x', 'refs/pull/1/head', 'refs/hawser/deploys/7'].map(
    (ref) => ({ row: 'push-04', what: ref, refs: [`main:${ref}`], says: /ref_not_allowed|hidden ref/ }),
  ),
  ...[
    'env=prod;rm',
    'a;b=c',
    `$(touch ${canary}-o1)`,
    'env=production\u001b[2J',
    '--force',
    'x'.repeat(5_000),
  ].map((option) => ({
    row: 'push-32',
    what: option.slice(0, 40),
    options: [option],
    says: /unknown_push_option/,
  })),
  {
    row: 'push-32',
    what: 'a hundred options',
    options: Array.from({ length: 100 }, () => 'no-wait'),
    says: /unknown_push_option.*100 push options/,
  },
  {
    row: 'config-50',
    what: 'an environment that is not there',
    options: ['env=nope'],
    says: /environment_not_found/,
  },
];
