import { z } from 'zod';
import { parseDuration } from '../config/units.ts';
import { forges } from '../model/webhook.ts';

const minute = 60_000;

const branch = z
  .string()
  .regex(/^(?!-)[^\p{Cc}\s~^:?*[\\]{1,200}$/u, 'use the name of a branch')
  .refine((text) => !text.includes('..'), 'use the name of a branch');

/** `owner/name` behind a host and a colon is an address of ssh, too. */
export function toRepositoryUrl(text: string): string {
  const [, user, host, path] = /^([\w.-]+)@([\w.-]+):(?!\/\/)(.+)$/.exec(text) ?? [];
  return host === undefined ? text : `ssh://${user}@${host}/${path?.replace(/^\/+/, '')}`;
}

export const newWebhook = z.strictObject({
  forge: z.enum(forges),
  repository: z.string().min(1).max(1000).transform(toRepositoryUrl),
  branches: z.array(branch).max(50).default([]),
  /** For fetching over https from a repository that is not public. */
  token: z
    .string()
    .regex(/^[\x21-\x7e]{1,1000}$/, 'use the token alone, without spaces')
    .optional(),
  /** Looks by itself this often. */
  poll: z
    .string()
    .transform((text) => parseDuration(text) ?? 0)
    .refine((ms) => ms >= minute && ms <= 24 * 60 * minute, 'use 1m to 24h')
    .optional(),
});
