import { z } from 'zod';
import { parseDuration } from '../config/units.ts';
import { pageQuery } from './page.ts';

const isoTime = z.iso.datetime({ offset: true });

/** `2h` ago, or a time with its zone: as ISO 8601 in UTC. */
export function parseSince(text: string, now: Date): string | undefined {
  const ago = parseDuration(text);
  if (ago !== undefined) return new Date(now.getTime() - ago).toISOString();
  return isoTime.safeParse(text).success ? new Date(text).toISOString() : undefined;
}

const number = z
  .string()
  .regex(/^\d{1,15}$/, 'use the number of an entry')
  .transform(Number);

export const auditQuery = pageQuery.extend({
  app: z.string().max(80).optional(),
  actor: z.string().max(120).optional(),
  since: z
    .string()
    .max(40)
    .refine((text) => parseSince(text, new Date()) !== undefined, 'use 2h, 30d or 2026-05-04T10:00:00Z')
    .optional(),
});

export const auditExportQuery = z.strictObject({
  /** Number of the last entry that one has. */
  after: number.default(0),
  limit: z.coerce.number().int().min(1).max(1000).default(1000),
});

export const auditVerifyQuery = z.strictObject({
  anchor: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'use the 64 digits of a hash')
    .optional(),
});
