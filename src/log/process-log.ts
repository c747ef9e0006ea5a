import { type Logger, pino } from 'pino';
import { listHidden } from '../secrets/forms.ts';
import { makeRedactor } from '../secrets/redactor.ts';

const never = ['authorization', 'cookie', 'password', 'token', 'secret', 'key', 'vars', 'config'];

/**
 * The log of a process on stdout, JSON a line. Fields with names of secrets, the values that are given, passwords in
 * addresses and our own tokens never get there.
 */
export function openLog(name: string, hidden: readonly string[]): Logger {
  const redactor = makeRedactor(listHidden(hidden));
  return pino({
    name,
    redact: { paths: never.flatMap((field) => [field, `*.${field}`]), censor: '[redacted]' },
    hooks: { streamWrite: (line) => redactor.text(line) },
  });
}
