import { z } from 'zod';
import { envName } from './input.ts';

const dayS = 86_400;
/** Of stdin as base64: 512 KB as bytes. */
const longestInput = 699_052;

export const runBody = z.strictObject({
  env: envName.optional(),
  /** The program and its arguments; no shell reads them. */
  command: z
    .array(
      z
        .string()
        .max(16 * 1024)
        .regex(/^[^\0]*$/, 'use no NUL'),
    )
    .min(1)
    .max(256)
    .refine(([program]) => program !== '', 'begin with the name of a program'),
  /** All of its stdin, as base64. */
  input: z.base64().max(longestInput).optional(),
  /** True lets it run without anybody who follows it. */
  detach: z.boolean().default(false),
  timeoutSeconds: z.int().min(1).max(dayS).default(3600),
});
