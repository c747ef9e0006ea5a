import type { z } from 'zod';
import { Failure } from '../failure.ts';

const shownLimit = 80;

/**
 * The value as the schema has it. Throws `unknown_field` for what the schema does not name and `invalid_input`
 * for the rest, with the field's name.
 */
export function checkInput<T extends z.ZodType>(schema: T, value: unknown, where: string): z.output<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  if (issue?.code === 'unrecognized_keys') {
    const names = issue.keys.map((key) => JSON.stringify(key.slice(0, shownLimit))).join(', ');
    throw new Failure('unknown_field', `The ${where} has a field that is not known here: ${names}.`);
  }
  const path = issue?.path.join('.') || where;
  throw new Failure('invalid_input', `${path}: ${issue?.message ?? 'not valid'}.`);
}
