/** Every code that a user may meet: its HTTP status and the next step. Codes are stable for ever. */
export const failureCatalogue = {
  // config
  config_invalid: { status: 400, fix: 'Correct the lines named above in deploy.config.json.' },
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
  not_allowed: { status: 403, fix: 'Ask for a token with that right: hawser tokens:create --can RIGHT.' },
  // the deploy
  cancelled: { status: 409, fix: 'hawser deploys:retry ID runs it again.' },
  superseded: { status: 409, fix: 'Nothing to do: a newer deploy takes its place.' },
  // the fleet
  server_unknown: { status: 404, fix: 'hawser servers lists the servers of deploy.config.json.' },
  ssh_unreachable: { status: 502, fix: 'hawser servers:doctor NAME shows which step fails.' },
  ssh_auth_failed: { status: 502, fix: "Add the server's identity.pub to authorized_keys of that user there." },
  host_key_unknown: { status: 409, fix: 'hawser servers:trust NAME shows the key and pins it.' },
  host_key_changed: {
    status: 409,
    fix: 'If the server was rebuilt, hawser servers:trust NAME pins the new key; otherwise somebody is in between.',
  },
  ssh_forwarding_refused: {
    status: 502,
    fix: "Set AllowTcpForwarding yes and AllowStreamLocalForwarding yes in the server's sshd_config.",
  },
  server_no_docker: {
    status: 502,
    fix: 'Install Docker there, start it, and add the SSH user to the group docker.',
  },
  docker_lost: { status: 502, fix: 'Nothing to do: it is looked up and tried again when the engine answers.' },
  docker_failed: { status: 502, fix: 'hawser servers:doctor NAME shows what the engine says.' },
  image_missing: { status: 409, fix: 'hawser deploys:retry ID pulls the image again.' },
  port_taken: { status: 409, fix: 'Nothing to do: another port is chosen at the next try.' },
} as const satisfies Record<string, { status: number; fix: string }>;

export type FailureCode = keyof typeof failureCatalogue;
