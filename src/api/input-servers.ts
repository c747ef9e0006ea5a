import { z } from 'zod';
import { hostKey, isHost, name, sshTarget, text } from '../config/grammar.ts';

const roles = z.array(name()).max(20).default([]);
const reachedAt = text(253).refine(isHost, { error: 'must be a host name or an IP address' });
const reason = text(500);

/** Where a server is, before it is one. */
export const lookBody = z.strictObject({ ssh: sshTarget(), via: name().optional() });

export const newServer = lookBody.extend({
  name: name(),
  fingerprint: hostKey(),
  /** Where the load balancer reaches it; the host of `ssh` without it. */
  address: reachedAt.optional(),
  /** Absolute path of a private key on Hawser's machine; the installation's own without it. */
  identity: z
    .string()
    .max(1024)
    .regex(/^\/[^\p{Cc}]*$/u, 'must be an absolute path')
    .optional(),
  roles,
  /** Installs Docker there. */
  bootstrap: z.boolean().default(false),
  /** Examines it, tells what a bootstrap would run, and changes nothing. */
  plan: z.boolean().default(false),
});

export const drainBody = z.strictObject({ reason: reason.optional() });

export const removeQuery = z.strictObject({
  force: z
    .enum(['true', 'false'])
    .default('false')
    .transform((word) => word === 'true'),
});

export const inviteBody = z.strictObject({
  roles,
  /** How long it holds. */
  minutes: z
    .int()
    .min(1)
    .max(7 * 24 * 60)
    .default(60),
});

export const joinBody = z.strictObject({
  token: z.string().max(200),
  name: name(),
  address: reachedAt,
  port: z.int().min(1).max(65_535).default(22),
  user: z.string().regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/, 'must be the name of a user'),
  hostKey: hostKey(),
});
