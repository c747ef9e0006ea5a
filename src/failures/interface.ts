import type { Entries } from './entry.ts';

/** What the API and the command line refuse. */
export const interfaceFailures = {
  // the API and the command line
  invalid_json: { status: 400, fix: 'Send one whole JSON object with Content-Type: application/json.' },
  invalid_input: { status: 400, fix: 'Correct the field that is named above.' },
  unknown_field: {
    status: 400,
    fix: 'Leave the field out; /api/v1/openapi.json names those that are known.',
  },
  invalid_cursor: {
    status: 400,
    fix: 'Leave cursor out to begin at the start; then use "next" of the list as it is.',
  },
  too_many_requests: { status: 429, fix: 'Ask again after the seconds of Retry-After.' },
  idempotency_key_reused: { status: 422, fix: 'Send another Idempotency-Key with another request.' },
  idempotency_key_busy: { status: 409, fix: 'Wait, then send the same request again for its answer.' },
  idempotency_outcome_unknown: {
    status: 409,
    fix: 'Look whether it was done; to do it again, send another Idempotency-Key.',
  },
  idempotency_answer_not_kept: {
    status: 409,
    fix: 'Take back what was made, and make another one with another Idempotency-Key.',
  },
  changed_meanwhile: {
    status: 412,
    fix: 'Read it again, and send the change with the ETag that you then get.',
  },
  body_too_large: { status: 413, fix: 'Send less than 1 MB.' },
  media_type_not_supported: { status: 415, fix: 'Send JSON with Content-Type: application/json.' },
  route_not_found: { status: 404, fix: '/api/v1/openapi.json names every address of the API.' },
  method_not_allowed: { status: 405, fix: 'Use the method that the Allow header names.' },
  token_in_url: {
    status: 400,
    fix: 'Revoke it (hawser tokens:revoke) and send a new one as "Authorization: Bearer TOKEN".',
  },
  headers_too_many: { status: 431, fix: 'Send fewer headers.' },
  host_unknown: {
    status: 421,
    fix: 'Use the "url" of deploy.config.json, or set it to the name that you use.',
  },
  origin_refused: {
    status: 403,
    fix: 'Use the command line, or a page of this server at the "url" of deploy.config.json.',
  },
  request_timeout: { status: 408, fix: 'Send the request again, over a better connection.' },
  managed_by_file: { status: 409, fix: 'Change it in deploy.config.json, then hawser apply.' },
  hawser_unreachable: {
    status: 502,
    fix: 'Start it with hawser up, or say which one: --config FILE, or HAWSER_URL and HAWSER_TOKEN.',
  },
  login_file_open: {
    status: 400,
    fix: 'chmod 600 the file, or remove it and log in again: hawser login URL.',
  },
  wrong_usage: { status: 400, fix: 'hawser help COMMAND shows what it takes.' },
  app_not_named: { status: 400, fix: 'Name it with --app NAME, or go to a folder with its git remote.' },
  not_confirmed: {
    status: 400,
    fix: 'Answer the question on a terminal, or say it with the option named above.',
  },
  answer_not_understood: { status: 502, fix: 'Check that HAWSER_URL is the address of a Hawser server.' },
} as const satisfies Entries;
