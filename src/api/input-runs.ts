import { z } from 'zod';
import { terminalKind } from '../model/run.ts';
import { envName } from './input.ts';

const dayS = 86_400;
/** Of stdin as base64: 512 KB as bytes. */
const longestInput = 699_052;

/** The program and its arguments; no shell reads them. */
const command = z
  .array(
    z
      .string()
      .max(16 * 1024)
      .regex(/^[^\0]*$/, 'use no NUL'),
  )
  .min(1)
  .max(256)
  .refine(([program]) => program !== '', 'begin with the name of a program');

export const runBody = z.strictObject({
  env: envName.optional(),
  command,
  /** All of its stdin, as base64. */
  input: z.base64().max(longestInput).optional(),
  /** True lets it run without anybody who follows it. */
  detach: z.boolean().default(false),
  timeoutSeconds: z.int().min(1).max(dayS).default(3600),
});

const size = { rows: z.int().min(1).max(1000), columns: z.int().min(1).max(1000) };

/** The kind is what TERM says of the asker's own. */
const terminal = z.strictObject({
  ...size,
  kind: z.string().regex(terminalKind, 'use the name of a terminal, like xterm-256color').default('xterm'),
});

const timeoutSeconds = z.int().min(1).max(dayS).default(dayS);

export const terminalBody = z.strictObject({ env: envName.optional(), command, terminal, timeoutSeconds });

export const execBody = z.strictObject({
  env: envName.optional(),
  command,
  process: z
    .string()
    .regex(/^[a-zA-Z0-9_-]{1,60}(?:\.\d{1,6})?$/, 'use web or web.1')
    .default('web')
    .transform((word) => {
      const [type = '', index] = word.split('.');
      return { type, index: index === undefined ? null : Number(index) };
    }),
  terminal: terminal.nullable().default(null),
  timeoutSeconds,
});

/** Of an input that comes in pieces. */
export const inputBody = z.strictObject({
  env: envName.optional(),
  key: z.string().max(64),
  /** How many bytes came before; what came already is left out. */
  at: z.int().min(0).default(0),
  data: z.base64().max(longestInput).default(''),
  /** Nothing comes behind it. */
  last: z.boolean().default(false),
  /** The size of the window from now on. */
  size: z.strictObject(size).optional(),
});
