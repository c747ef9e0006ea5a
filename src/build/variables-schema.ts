import { z } from 'zod';

const namePattern = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
const maxValue = 32 * 1024;

/** What a shell and every runtime take as the name of a variable. */
export const envName = z.string().regex(namePattern, {
  error: 'a name of a variable has letters, digits and "_", and does not begin with a digit',
});

export const envValue = z
  .string({ error: 'must be a text; write numbers and booleans in quotes' })
  .refine((value) => Buffer.byteLength(value) <= maxValue, { error: 'must not be longer than 32 KB' })
  .refine((value) => !value.includes('\0'), { error: 'must not hold a NUL' });
