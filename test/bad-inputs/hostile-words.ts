/** What a payload would make, were anything of it ever run. No path that begins so may exist after a test. */
export const canary = '/tmp/hawser-canary';

/** Words that a shell, an option parser or a path would do something with. */
export const hostileWords: readonly string[] = [
  `a;touch ${canary}-1`,
  `$(touch ${canary}-2)`,
  `\`touch ${canary}-3\``,
  `a|touch ${canary}-4`,
  `a&touch ${canary}-5&`,
  `'; touch ${canary}-6; '`,
  `"; touch ${canary}-7; "`,
  `a\ntouch ${canary}-8`,
  `-oProxyCommand=touch ${canary}-9`,
  `--output=${canary}-10`,
  `../../../..${canary}-11`,
  `${canary}-12`,
  `\${IFS}touch\${IFS}${canary}-13`,
];

/** The same as git allows them in the name of a branch. */
export const hostileBranches: readonly string[] = [
  `a;touch\${IFS}${canary}-b1`,
  `$(touch\${IFS}${canary}-b2)`,
  `\`touch\${IFS}${canary}-b3\``,
  `a|touch\${IFS}${canary}-b4`,
  `a&touch\${IFS}${canary}-b5`,
  "a'b",
  'a"b',
  'a<b>',
  '#x',
  '!x',
  '%2e%2e',
  'é',
];
