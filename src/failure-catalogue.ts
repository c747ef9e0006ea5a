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
} as const satisfies Record<string, { status: number; fix: string }>;

export type FailureCode = keyof typeof failureCatalogue;
