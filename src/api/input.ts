import { z } from 'zod';
import { rights } from '../model/access.ts';
import { noticeLimit } from '../route/table.ts';
import { pageQuery } from './page.ts';
import { parseSince } from './since.ts';

/** For routes that take nothing: any field is refused. */
export const nothing = z.strictObject({});

/** Name of an environment; which ones there are, the ledger knows. */
export const envName = z.string().min(1).max(60);

/** One line of text that says something. */
export const textLine = (most: number) =>
  z
    .string()
    .trim()
    .regex(new RegExp(`^[^\\p{Cc}]{1,${most}}$`, 'u'), `use one line of 1 to ${most} characters`);

export const reason = textLine(200);

export const envPageQuery = pageQuery.extend({ env: envName.optional() });
export const deploysQuery = pageQuery.extend({ app: z.string().max(80).optional(), env: envName.optional() });
export const envQuery = z.strictObject({ env: envName.optional() });

export const newApp = z.strictObject({ name: z.string().max(200) });

export const renameBody = z.strictObject({
  name: z.string().max(200),
  /** Why it cannot wait for the end of a freeze. */
  overrideFreeze: reason.optional(),
});

const ownerName = z
  .string()
  .regex(/^[\p{L}\p{N}][\p{L}\p{N} ._@-]{0,59}$/u, 'use 1 to 60 letters, digits, spaces and . _ @ -');
/** Null never expires. */
const days = z.int().min(1).max(3650).nullable();
const credential = z.strictObject({
  app: z.string().max(80).optional(),
  env: envName.optional(),
  rights: z.array(z.enum(rights)).min(1).max(rights.length).optional(),
});

export const newToken = credential.extend({ name: ownerName.optional(), days: days.default(90) });

export const newKey = credential.extend({
  name: ownerName,
  /** One line of a `.pub` file. */
  key: z.string().max(64 * 1024),
  days: days.default(null),
  /** Of the app and of nobody: it stays when who added it goes. */
  deployKey: z.boolean().default(false),
});

export const deployBody = z
  .strictObject({
    env: envName.optional(),
    /** True says what it would do, and does nothing. */
    plan: z.boolean().default(false),
    /** As an engine names it: `nginx:1.27`, `registry.example.com/team/app@sha256:…`. */
    image: z.string().min(1).max(400).optional(),
    /** The id of a commit that was pushed before, or its first 7 to 40 digits. */
    commit: z.string().min(1).max(400).optional(),
    /** Of a commit: builds it without the cache. */
    noCache: z.boolean().optional(),
    /** Why it cannot wait for the end of a freeze. */
    overrideFreeze: reason.optional(),
  })
  .refine(({ image, commit }) => (image === undefined) !== (commit === undefined), {
    error: 'name an image or a commit, and not both',
  })
  .refine(({ image, noCache }) => image === undefined || noCache === undefined, {
    error: 'an image is not built',
    path: ['noCache'],
  });

export const retryBody = z.strictObject({
  /** Runs a release command once more of which nobody knows how it ended. */
  repeatReleaseCommand: z.boolean().default(false),
  /** Why it cannot wait for the end of a freeze. */
  overrideFreeze: reason.optional(),
});

export const rollbackBody = z.strictObject({
  env: envName.optional(),
  plan: z.boolean().default(false),
  version: z.int().min(1).nullable().default(null),
  /** Of the image, or its first 8 to 64 characters. */
  digest: z
    .string()
    .regex(/^(?:sha256:)?[0-9a-f]{8,64}$/, 'use sha256:… with 8 characters or more')
    .optional(),
});

export const maintenanceBody = z.strictObject({
  env: envName.optional(),
  /** Empty shows the usual sentence. */
  message: z
    .string()
    .max(noticeLimit)
    .regex(/^[^\p{Cc}]*$/u, 'use one line of text')
    .default(''),
});

export const trustBody = z.strictObject({
  fingerprint: z.string().regex(/^SHA256:[A-Za-z0-9+/]{43}$/, 'use SHA256:… as ssh-keygen -l prints it'),
});

export const pruneBody = z.strictObject({
  server: z.string().max(80).optional(),
  plan: z.boolean().default(false),
});

export const logsQuery = envQuery.extend({
  process: z
    .string()
    .regex(/^[a-zA-Z0-9_-]{1,60}(?:\.\d{1,6})?$/, 'use web or web.1')
    .optional(),
  server: z.string().max(80).optional(),
  /** So long ago, or a time with its zone. */
  since: z
    .string()
    .max(40)
    .refine(
      (text) => parseSince(text, Date.now()) !== undefined,
      'use a duration like 10m, or a time with its zone like 2026-01-31T09:00:00Z',
    )
    .optional(),
  release: z
    .string()
    .regex(/^v?[1-9]\d{0,8}$/, 'use the number of a release, like v3')
    .transform((text) => Number(text.replace('v', '')))
    .optional(),
  /** 100 of what was, or all since a time. */
  tail: z.coerce.number().int().min(0).max(10_000).optional(),
  follow: z
    .enum(['true', 'false'])
    .default('false')
    .transform((text) => text === 'true'),
});
