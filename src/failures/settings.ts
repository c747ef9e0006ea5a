import type { Entries } from './entry.ts';

/** Variables, numbers of processes, domains, and releases by the digest of their image. */
export const settingsFailures = {
  nothing_live: { status: 409, fix: 'Push the app: git push REMOTE main.' },
  variable_invalid: { status: 400, fix: 'Correct the name or the value that is named above.' },
  variables_too_large: {
    status: 400,
    fix: 'Keep large values in a file of the image, or in a store of their own.',
  },
  variable_not_set: { status: 404, fix: 'hawser config -a APP -e ENV lists those that are set.' },
  outside_not_allowed: {
    status: 403,
    fix: 'Allow it in "secrets.outside" of deploy.config.json, then hawser apply.',
  },
  outside_missing: {
    status: 409,
    fix: 'Put the value where it is read on the control machine, or set it: hawser config:set NAME=…',
  },
  value_outside: {
    status: 409,
    fix: 'Read it where it is kept, on the control machine.',
  },
  empty_value: { status: 400, fix: 'Say --allow-empty when an empty value is meant.' },
  dotenv_invalid: {
    status: 400,
    fix: 'Write one NAME=VALUE a line; put values with line breaks in double quotes.',
  },
  config_missing: { status: 409, fix: 'hawser config:set -a APP -e ENV NAME=VALUE, then push again.' },
  secret_as_build_arg: {
    status: 400,
    fix: 'Give the argument another name in app.json; what the app needs as it runs it finds in its environment.',
  },
  // what is sealed
  master_key_missing: { status: 500, fix: 'Bring back your copy of the master key.' },
  master_key_open: { status: 500, fix: 'chmod 600 the file of the master key.' },
  master_key_wrong: { status: 500, fix: 'Bring back the master key that belongs to this ledger.' },
  master_key_elsewhere: {
    status: 409,
    fix: 'Put a new key (openssl rand -base64 32) and a space before the old one where it comes from, restart, and take the old one away after hawser secrets:retire.',
  },
  secret_broken: { status: 500, fix: 'Set the variables anew: hawser config:set -a APP -e ENV NAME=VALUE.' },
  process_not_running: {
    status: 409,
    fix: 'hawser ps -a APP -e ENV shows what runs; name one that does, like web.2.',
  },
  process_unknown: { status: 404, fix: 'hawser ps -a APP -e ENV shows the processes of the live release.' },
  domain_taken: { status: 409, fix: 'Choose another domain, or remove it there first.' },
  digest_ambiguous: {
    status: 409,
    fix: 'Name more of the digest, or the release: hawser releases lists them.',
  },
} as const satisfies Entries;
