import type { Line } from './rows.ts';

const table = 'unit/route-table.test.ts';
const changes = 'unit/store-changes.test.ts';
const dotenv = 'unit/cli-dotenv.test.ts';
const build = 'integration/build-makes-an-image-within-its-limits.test.ts';
const fails = 'integration/deploy-that-fails-leaves-the-old-release-serving.test.ts';
const kinds = 'integration/deploy-of-every-kind-of-app.test.ts';
const engine = 'integration/ssh-carries-the-engine.test.ts';
const probe = 'unit/rollout-probe.test.ts';
const cli = 'integration/cli-ends-with-the-truth.test.ts';
const forge = 'integration/webhook-of-a-forge-deploys-as-a-push.test.ts';
const ledger = 'unit/store-ledger.test.ts';

const notices = 'integration/notifications-tell-what-happens.test.ts';

/** Names, values, builds and what an app does. */
export const rowsOfApps: readonly Line[] = [
  [
    'names-82',
    'domains that are none',
    'api cli',
    'domain_invalid',
    'cases',
    `${table}: what is no domain is refused with its rule`,
  ],
  [
    'names-83',
    'domains in other letters',
    'api cli',
    'stored in one shape',
    `${table}: domains are stored in one shape`,
  ],
  [
    'names-84',
    'a domain of another app',
    'api cli',
    'domain_taken',
    `${changes}: names, sizes and domains that cannot be are refused before anything is written`,
  ],
  [
    'names-85',
    'the domain of the server itself',
    'api cli',
    'domain_taken',
    `${changes}: name of this server itself`,
  ],
  [
    'names-86',
    'a domain that would be a line of the load balancer',
    'api cli',
    'domain_invalid',
    `${table}: no text in a table can add a line, a word or a comment to the config`,
  ],
  [
    'names-87',
    'certificates that cannot serve',
    'config',
    'config_invalid',
    'unit/config-tls.test.ts: a pair that cannot serve is refused before anything starts, and no key is shown',
  ],
  [
    'names-88',
    'names of variables that cannot be',
    'api cli manifest',
    'variable_invalid',
    'cases',
    `${changes}: names, sizes and domains that cannot be`,
  ],
  [
    'names-89',
    'values of variables that a shell would read',
    'api cli',
    'taken as they are, or variable_invalid',
    'cases',
    'integration/bad-inputs-stay-in-their-containers.test.ts: every value arrives as it was set',
  ],
  [
    'names-90',
    'more variables than a process can be given',
    'api cli',
    'variables_too_large',
    'cases',
    `${changes}: variables_too_large`,
  ],
  [
    'names-91',
    'a value from stdin or a file that is empty, or ends with a line break',
    'cli',
    'empty_value; a line break is kept and told',
    'unit/cli-read-variables.test.ts: values come from the command line, from stdin or from files, byte for byte',
  ],
  [
    'names-93',
    'a file of variables with wrong lines',
    'cli',
    'dotenv_invalid',
    `${dotenv}: a wrong line is told by its number, and never with what is in it`,
  ],

  [
    'build-94',
    'a Dockerfile that is wrong',
    'http ssh',
    'dockerfile_invalid',
    `${build}: a stage that is missing`,
    `${build}: a step that fails`,
  ],
  [
    'build-95',
    'a base image that is nowhere',
    'http ssh',
    'base_image_not_found',
    `${build}: a base image that is nowhere`,
  ],
  [
    'build-96',
    'a step without end',
    'http ssh',
    'build_timeout',
    `${build}: is stopped when its time is over`,
  ],
  [
    'build-97',
    'a bomb of processes',
    'http ssh',
    'build_failed',
    `${build}: cannot have more processes than its limit`,
  ],
  ['build-98', 'a step without enough memory', 'http ssh', 'build_oom', `${build}: too much memory`],
  [
    'build-99',
    'output without end',
    'http ssh',
    'cut',
    `${build}: may talk without end and without a line: memory stays flat`,
    'unit/log-journal.test.ts: endless output is cut at the limit, and steps and results still come through',
  ],
  [
    'build-102',
    'an app that does not listen where it should',
    'app',
    'not_healthy',
    `${probe}: no answer and no listener have their own words`,
    `${fails}: an app that never listens`,
  ],
  [
    'build-103',
    'an app that ends',
    'app',
    'not_healthy',
    `${fails}: an app that exits at once`,
    `${fails}: an app that needs too much memory`,
  ],
  [
    'build-104',
    'an app that answers badly',
    'app',
    'not_healthy',
    `${fails}: an app that answers 500`,
    `${probe}: what is not HTTP is not healthy`,
  ],
  [
    'build-105',
    'an app that does not want to end',
    'app',
    'killed after its time',
    `${engine}: an app that ignores SIGTERM is gone after its time, and stopping it again is success`,
  ],
  [
    'build-106',
    'an image for another processor',
    'http ssh api',
    'image_wrong_platform',
    `${kinds}: an image that was built elsewhere is deployed by its name, but no other app's and none for another processor`,
  ],
  [
    'build-108',
    'a volume of the image',
    'app',
    'goes with its container',
    'integration/bad-inputs-stay-in-their-containers.test.ts: a volume of the image goes with its container',
  ],
  [
    'build-109',
    'a health check of the image',
    'app',
    'not run',
    `${kinds}: stages, ARG, ONBUILD, .dockerignore, EXPOSE and HEALTHCHECK mean what they mean to Docker`,
  ],
  [
    'build-110',
    '.dockerignore without end',
    'http ssh',
    'dockerignore_invalid',
    'unit/build-ignore.test.ts: costs little, whatever the pattern',
    'unit/build-ignore.test.ts: dockerignore_invalid',
  ],

  [
    'misc-111',
    'a delivery without the signature of its forge',
    'api',
    '401',
    `${forge}: who has no signature learns nothing, and what deploys nothing is ignored and says why`,
  ],
  [
    'misc-113',
    'a delivery that deploys nothing',
    'api',
    'ignored, and says why',
    `${forge}: who has no signature learns nothing, and what deploys nothing is ignored and says why`,
  ],
  [
    'misc-114',
    'a hundred deliveries of one commit',
    'api',
    'one deploy',
    `${forge}: a hundred deliveries of one commit at once are one deploy`,
  ],
  [
    'misc-115',
    'a receiver of ours that hangs, leads elsewhere or answers without end',
    'api',
    'asked again, later and later',
    `${notices}: who does not take it is asked again with the same id`,
    `${notices}: an address that is not public is refused when it is written and when it is used`,
  ],
  [
    'misc-116',
    'commands that are none',
    'cli',
    'wrong_usage',
    'cases',
    `${cli}: a mistyped command is answered with the one that was meant`,
  ],
  [
    'misc-117',
    'a pipe that closes, no terminal, no colours',
    'cli',
    'ends in peace',
    `${cli}: a reader that closes the pipe ends it in peace`,
    'unit/cli-words.test.ts: colours only on a terminal, and not with NO_COLOR',
  ],
  [
    'misc-118',
    'a ledger that is broken or newer',
    'disk',
    'ledger_broken, ledger_newer',
    `${ledger}: a ledger of a newer version, or no ledger at all, is refused`,
  ],
];
