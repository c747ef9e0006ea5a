import { z } from 'zod';
import { roleNames } from '../model/access.ts';
import { envName } from './input.ts';

const userName = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9._-]{0,38}[a-z0-9])?$/, 'use 1 to 40 lower-case letters, digits and . _ -');
/** What it must be like is said once, where it is hashed. */
const password = z.string().max(1024);
const oneTimeToken = z.string().max(100);
const code = z.string().max(40);

export const setupBody = z.strictObject({ token: oneTimeToken, name: userName, password });
export const loginBody = z.strictObject({ name: z.string().max(100), password, code: code.optional() });
export const acceptBody = z.strictObject({ token: oneTimeToken, password });
export const inviteBody = z.strictObject({ name: userName });
export const newUserBody = z.strictObject({ name: userName, password });
export const passwordBody = z.strictObject({ password });
export const ownPasswordBody = z.strictObject({ current: password, password });
export const codeBody = z.strictObject({ code });
export const currentBody = z.strictObject({ current: password });
export const accessBody = z.strictObject({
  user: z.string().max(100),
  role: z.enum(roleNames),
  env: envName.optional(),
});
