import { z } from 'zod';
import { isMailAddress } from '../model/mail-address.ts';
import * as g from './grammar.ts';

const mailAddress = g
  .text(254)
  .refine(isMailAddress, { error: 'must be one plain address, like "hawser@example.com"' });

/** Through which server mail goes. */
const smtp = z.strictObject({
  host: g.text(253).refine(g.isHost, { error: 'must be a host name or an IP address' }),
  port: g.count(1, 65_535).optional(),
  security: z
    .enum(['starttls', 'tls', 'none'], { error: 'must be "starttls", "tls" or "none"' })
    .default('starttls'),
  username: g.text().optional(),
  password: g.text(16 * 1024).optional(),
  from: mailAddress,
  ca: g.text().optional(),
});

/** Who is told what happens. */
export const notificationsSchema = z.strictObject({ smtp: smtp.optional() });
