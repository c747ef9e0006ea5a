import type { Entries } from './entry.ts';

/** What comes from forges and what goes to other people's servers. */
export const outboundFailures = {
  url_not_allowed: {
    status: 400,
    fix: 'Name a public https address; webhooks.allow of deploy.config.json allows networks of your own.',
  },
  host_not_found: { status: 502, fix: 'Check the name in the URL, and the name servers of this machine.' },
  webhook_not_found: { status: 404, fix: 'hawser webhooks -a APP lists them.' },
  webhook_refused: { status: 401, fix: 'Give the forge the secret that webhooks:add printed.' },
  webhook_stale: { status: 401, fix: 'Set the clock of the machine that sends; 5 minutes are allowed.' },
  webhook_not_understood: { status: 400, fix: 'Send the payload of a push as JSON.' },
  repository_not_fetched: {
    status: 502,
    fix: 'Check the URL and the key (hawser webhooks:key) or token of the webhook at the forge.',
  },
  receiver_not_reached: { status: 502, fix: 'Check the URL of the notification and whether it answers.' },
  mail_not_set_up: {
    status: 409,
    fix: 'Name the server for mail in notifications.smtp of deploy.config.json, then hawser apply.',
  },
  notification_not_found: { status: 404, fix: 'hawser notifications lists them.' },
} as const satisfies Entries;
