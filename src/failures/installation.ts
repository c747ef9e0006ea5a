import type { Entries } from './entry.ts';

/** What can be wrong with an installation: its file, its names, its ledger. */
export const installationFailures = {
  // config
  config_invalid: { status: 400, fix: 'Correct the lines named above in deploy.config.json.' },
  config_not_found: { status: 400, fix: 'Create the file, or name another one with --config FILE.' },
  config_too_large: {
    status: 400,
    fix: 'Keep the file under 64 KB; put long values into files of their own.',
  },
  config_parse_error: {
    status: 400,
    fix: 'Correct the JSON at that place: no comments, no trailing commas.',
  },
  config_not_object: { status: 400, fix: 'Begin with { and end with }; docs/configuration.md has examples.' },
  // names and access
  invalid_app_name: {
    status: 400,
    fix: 'Use 1 to 40 lower-case letters, digits and dashes, beginning with a letter.',
  },
  app_not_found: { status: 404, fix: 'hawser apps lists the apps; hawser apps:create NAME makes one.' },
  app_exists: { status: 409, fix: 'Choose another name, or push to the app that exists.' },
  token_missing: { status: 401, fix: 'Use a token as the password: hawser tokens:create --app APP.' },
  token_malformed: { status: 401, fix: 'Copy the whole token again; it was shown once when it was made.' },
  token_unknown: { status: 401, fix: 'Make a new token: hawser tokens:create --app APP.' },
  token_expired: { status: 401, fix: 'Make a new token: hawser tokens:create --app APP.' },
  token_revoked: { status: 401, fix: 'Make a new token: hawser tokens:create --app APP.' },
  not_allowed: { status: 403, fix: 'Ask for a token with that right: hawser tokens:create --right RIGHT.' },
  // users
  login_failed: { status: 401, fix: 'Check the name, the password and the code, and try again.' },
  login_code_needed: { status: 401, fix: 'Send the six digits of your phone too, or a recovery code.' },
  too_many_logins: { status: 429, fix: 'Wait as long as is said above, then try again.' },
  password_too_weak: { status: 400, fix: 'Use 12 to 256 characters; four random words do.' },
  user_exists: { status: 409, fix: 'Choose another name; hawser users lists those that are taken.' },
  user_not_found: { status: 404, fix: 'hawser users lists them; hawser users:invite NAME adds one.' },
  user_disabled: { status: 401, fix: 'Ask an owner: hawser users:enable NAME.' },
  user_needed: { status: 403, fix: 'Log in as a user: hawser login URL.' },
  last_owner: { status: 409, fix: 'Make somebody else an owner first: hawser access:grant USER owner.' },
  claim_invalid: {
    status: 403,
    fix: 'Ask for a new one: hawser users:invite NAME, or for the first owner start Hawser again.',
  },
  setup_done: { status: 409, fix: 'Ask an owner for an invitation: hawser users:invite NAME.' },
  grant_not_found: { status: 404, fix: 'hawser access lists who has which role where.' },
  role_not_here: {
    status: 400,
    fix: 'Give owner without --app and --env, and admin with --app and without --env.',
  },
  // keys of git over SSH
  key_malformed: { status: 400, fix: 'Copy the whole line of the .pub file that ssh-keygen made.' },
  key_is_private: {
    status: 400,
    fix: 'Send the .pub file beside it. If the private one was sent anywhere, make a new key: ssh-keygen -t ed25519.',
  },
  key_options_refused: {
    status: 400,
    fix: 'Leave out what stands before the type; --right and --app say what it may.',
  },
  one_key_at_a_time: { status: 400, fix: 'Add each key with a name of its own: hawser keys:add NAME FILE.' },
  key_type_not_allowed: { status: 400, fix: 'Make an ed25519 key: ssh-keygen -t ed25519.' },
  key_too_weak: { status: 400, fix: 'Make an ed25519 key: ssh-keygen -t ed25519.' },
  key_exists: { status: 409, fix: 'hawser keys lists the keys; hawser keys:remove ID makes room for it.' },
  key_not_found: { status: 404, fix: 'hawser keys lists the keys.' },
  key_not_valid: { status: 401, fix: 'Ask for your key to be added: hawser keys:add NAME FILE.' },
  ssh_command_unknown: {
    status: 400,
    fix: 'git push ssh://git@HOST:PORT/APP.git main, or ssh -p PORT git@HOST help for the commands.',
  },
  ssh_command_refused: { status: 403, fix: 'Run it on the machine of the server.' },
  // the ledger
  ledger_broken: { status: 500, fix: 'Stop Hawser and bring the data folder back from a backup.' },
  ledger_newer: {
    status: 500,
    fix: 'Run the newer version of Hawser, or bring back the backup from before the upgrade.',
  },
  lease_lost: { status: 409, fix: 'Nothing to do: a newer worker goes on with it.' },
  redis_unreachable: { status: 502, fix: 'Start Redis, or correct "redis" in deploy.config.json.' },
  redis_policy: { status: 409, fix: 'redis-cli CONFIG SET maxmemory-policy noeviction' },
  internal: {
    status: 500,
    fix: 'hawser deploys:retry ID; if it stays, report it with the id and the server log.',
  },
  not_finished: {
    status: 409,
    fix: 'hawser deploys:attach ID follows it, hawser deploys:cancel ID stops it.',
  },
  shutting_down: { status: 503, fix: 'Nothing to do: it goes on when Hawser is up again.' },
  already_running: {
    status: 409,
    fix: 'Stop the one that runs, or choose another "data" folder in deploy.config.json.',
  },
  data_path_too_long: { status: 400, fix: 'Choose a "data" folder whose path has 80 characters at most.' },
  port_in_use: { status: 409, fix: 'Stop what listens there, or change "listen" in deploy.config.json.' },
  server_disk_low: {
    status: 507,
    fix: 'hawser disk shows what uses it; hawser disk:prune removes what nobody needs.',
  },
  not_a_file: { status: 400, fix: 'Replace it by a plain file and commit again.' },
  not_supervised: { status: 409, fix: 'Restart the services of hawser server and hawser worker by hand.' },
  // setting up a machine
  setup_failed: {
    status: 500,
    fix: 'Correct what is said above, see that docker info and apt-get update succeed, and try again.',
  },
} as const satisfies Entries;
