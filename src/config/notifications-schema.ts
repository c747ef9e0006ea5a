import { z } from 'zod';
import { isMailAddress } from '../model/mail-address.ts';
import { isAppName } from '../model/names.ts';
import { noticeEvents, noticeKinds } from '../model/notice.ts';
import * as g from './grammar.ts';

const kilo = 1024;

const smtp = z.strictObject({
  host: g.text(253).refine(g.isHost, { error: 'must be a host name or an IP address' }),
  port: g.count(1, 65_535).optional(),
  security: z
    .enum(['starttls', 'tls', 'none'], { error: 'must be "starttls", "tls" or "none"' })
    .default('starttls'),
  username: g.text().optional(),
  password: g.text(16 * kilo).optional(),
  from: g.text(254).refine(isMailAddress, { error: 'must be one plain address, like "hawser@example.com"' }),
  ca: g.text().optional(),
});

const appName = z
  .string({ error: 'must be the name of an app' })
  .refine(isAppName, { error: 'must be the name of an app' });

/** What `to` and `secret` must be depends on the kind: src/config/check-notifications.ts. */
const receiver = z.strictObject({
  kind: z.enum(noticeKinds, { error: `must be one of: ${noticeKinds.join(', ')}` }),
  to: g.text(2000),
  secret: g.text(200).optional(),
  events: z
    .array(z.enum(noticeEvents, { error: `must be one of: ${noticeEvents.join(', ')}` }), {
      error: 'must be a list of events, like ["deploy.failed"]',
    })
    .min(1, { error: 'must name one event or more; without the key all are meant' })
    .max(noticeEvents.length)
    .optional(),
  apps: z
    .array(appName, { error: 'must be a list of names of apps' })
    .min(1, { error: 'must name one app or more; without the key all are meant' })
    .max(1000)
    .optional(),
  environments: z
    .array(g.name(), { error: 'must be a list of names of environments' })
    .min(1, { error: 'must name one environment or more; without the key all are meant' })
    .max(100)
    .optional(),
});

/** Through which server mail goes, and who is told what happens. */
export const notificationsSchema = z.strictObject({
  smtp: smtp.optional(),
  receivers: z.record(g.name(), receiver).default({}),
});
