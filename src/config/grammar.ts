import { isIP, isIPv4, isIPv6 } from 'node:net';
import { z } from 'zod';
import {
  durationPattern,
  formatDuration,
  formatSize,
  parseDuration,
  parseSize,
  sizePattern,
} from './units.ts';

const hostName = /^(?=.{1,253}$)(?!-)[A-Za-z0-9-]{1,63}(?<!-)(?:\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*$/;
const sshPattern = /^[A-Za-z_][A-Za-z0-9_.-]{0,31}@(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d+)?$/;
const namePattern = /^[a-z](?:[a-z0-9-]{0,28}[a-z0-9])?$/;
const refusedInRef = /[\p{Cc} ~^:?[\\]|\.\.|@\{|\/\/|^[/.-]|[/.]$|\.lock$|\/\./u;

type Reporter = { issues: { push(issue: { code: 'custom'; message: string; input: unknown }): unknown } };

/** Reports a mistake from inside a transform. */
function refuse(context: Reporter, input: unknown, message: string): never {
  context.issues.push({ code: 'custom', message, input });
  return z.NEVER;
}

/** True for a DNS name or an IP address (IPv6 without brackets). */
export function isHost(text: string): boolean {
  return isIP(text) > 0 || (hostName.test(text) && !/^[\d.]+$/.test(text));
}

/** A network of IPv4 or IPv6 with the number of its bits. */
export function network() {
  const say = { error: 'must be a network like "10.0.0.0/8" or "fd00::/8"' };
  return z.string(say).refine((text) => {
    const [, base = '', bits = ''] = /^([0-9a-fA-F:.]{2,45})\/(\d{1,3})$/.exec(text) ?? [];
    return isIP(base) > 0 && Number(bits) <= (isIPv4(base) ? 32 : 128);
  }, say);
}

/** The name of an environment variable. */
export function variable() {
  const say = { error: 'must be the name of an environment variable' };
  return z.string(say).regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, say);
}

/** A duration with a unit, within bounds (milliseconds, inclusive); gives milliseconds. */
export function duration(min: number, max: number) {
  const bounds = `${formatDuration(min)} to ${formatDuration(max)}`;
  const say = { error: `write a duration with its unit, like "30s", "5m" or "250ms" (${bounds})` };
  return z
    .string(say)
    .regex(durationPattern, say)
    .transform((text, context) => {
      const ms = parseDuration(text);
      if (ms === undefined || ms < min || ms > max)
        return refuse(context, text, `"${text}" is outside ${bounds}`);
      return ms;
    });
}

/** A size with a unit, within bounds (bytes, inclusive); gives bytes. */
export function size(min: number, max: number) {
  const bounds = `${formatSize(min)} to ${formatSize(max)}`;
  const say = { error: `write a size with its unit, like "512m" or "2g" (${bounds})` };
  return z
    .string(say)
    .regex(sizePattern, say)
    .transform((text, context) => {
      const bytes = parseSize(text);
      if (bytes === undefined || bytes < min || bytes > max)
        return refuse(context, text, `"${text}" is outside ${bounds}`);
      return bytes;
    });
}

/** A whole number within bounds. */
export function count(min: number, max: number) {
  const say = { error: `must be a whole number from ${min} to ${max}` };
  return z.int(say).min(min, say).max(max, say);
}

/** A number of CPUs; fractions are allowed. */
export function cpus() {
  const say = { error: 'must be a number of CPUs from 0.1 to 256' };
  return z.number(say).min(0.1, say).max(256, say);
}

/** A string of at most `max` characters without control characters. */
export function text(max = 1024) {
  return z
    .string({ error: 'must be a text' })
    .min(1, { error: 'must not be empty' })
    .max(max, { error: `must not be longer than ${max} characters` })
    .regex(/^[^\p{Cc}]*$/u, { error: 'must not hold control characters' });
}

/** `host:port` to listen on; IPv6 in brackets. */
export function address() {
  const say = { error: 'write "host:port", like "127.0.0.1:7070" or "[::1]:7070"' };
  return z
    .string(say)
    .regex(/^(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):[^:]*$/, say)
    .transform((value, context) => {
      const host = value.slice(0, value.lastIndexOf(':')).replace(/^\[|\]$/g, '');
      const port = parsePort(value.slice(value.lastIndexOf(':') + 1));
      if (!isHost(host)) return refuse(context, value, `"${host}" is not a host name or an IP address`);
      if (port === undefined)
        return refuse(context, value, 'the port must be a whole number from 1 to 65535');
      return { host, port };
    });
}

/** `user@host[:port]`; nothing in it can be taken for an option of a program. */
export function sshTarget() {
  const say = {
    error: 'write "user@host" or "user@host:port"; IPv6 in brackets, like "deploy@[2001:db8::1]:22"',
  };
  return z
    .string(say)
    .regex(sshPattern, say)
    .transform((value, context) => {
      const user = value.slice(0, value.indexOf('@'));
      const rest = value.slice(value.indexOf('@') + 1);
      const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(rest);
      const [host, port] = bracketed ? [bracketed[1], bracketed[2]] : rest.split(':');
      const number = port === undefined ? 22 : parsePort(port);
      if (host === undefined || (bracketed ? !isIPv6(host) : !isIPv4(host) && !isHost(host)))
        return refuse(context, value, `"${host}" is not a host name or an IP address`);
      if (number === undefined)
        return refuse(context, value, 'the port must be a whole number from 1 to 65535');
      return { user, host, port: number };
    });
}

/** 1 to 65535 in plain digits; undefined for anything else. */
function parsePort(digits: string): number | undefined {
  const port = Number(digits);
  return /^[1-9]\d{0,4}$/.test(digits) && port <= 65_535 ? port : undefined;
}

/** The fingerprint that `ssh-keygen -lf` prints: SHA256 and 43 characters of base64. */
export function hostKey() {
  const say = {
    error: 'write the fingerprint that "ssh-keygen -lf" prints, like "SHA256:" and 43 characters',
  };
  return z.string(say).regex(/^SHA256:[A-Za-z0-9+/]{43}$/, say);
}

/** The name of a server, an environment or a role; it becomes part of container names and domains. */
export function name() {
  const say = { error: 'a name has 1 to 30 lower-case letters, digits and dashes, and begins with a letter' };
  return z
    .string(say)
    .regex(namePattern, say)
    .refine((value) => !value.includes('--') && value !== 'constructor', say);
}

/** A branch or tag without `refs/heads/`; `*` stands for anything but a slash, `**` for anything. */
export function refPattern() {
  const say = {
    error: 'must be the name of a branch or tag as git allows it, without "refs/"; "*" fits all but "/"',
  };
  return text(200).refine((value) => !refusedInRef.test(value) && !value.startsWith('refs/'), say);
}

/** An absolute URL without credentials, query or fragment, in one of the schemes; its last slash is cut. */
export function url(schemes: readonly string[], { credentials = false, path = false } = {}) {
  const say = `must be a URL that begins with ${schemes.map((scheme) => `"${scheme}://"`).join(' or ')}`;
  return text().refine((value) => isUrl(value, { schemes, credentials, path }), {
    error: `${say}${credentials ? '' : ', without user or password'}${path ? '' : ', without a path'}`,
  });
}

function isUrl(
  value: string,
  allowed: { schemes: readonly string[]; credentials: boolean; path: boolean },
): boolean {
  const parsed = URL.parse(value);
  if (!parsed || parsed.hostname === '' || parsed.search !== '' || parsed.hash !== '') return false;
  if (!allowed.schemes.some((scheme) => value.startsWith(`${scheme}://`))) return false;
  if (!allowed.credentials && (parsed.username !== '' || parsed.password !== '')) return false;
  return allowed.path || parsed.pathname === '/' || parsed.pathname === '';
}

/** What a probe asks for: one leading slash, nothing that could end the request line. */
export function httpPath() {
  const say = { error: 'must be a path that starts with one "/", without spaces, at most 1024 characters' };
  return z
    .string(say)
    .max(1024, say)
    .regex(/^\/(?!\/)[\x21-\x7e]*$/, say);
}

/** A name of an image with its tag or digest. */
export function imageName() {
  return z.string().regex(/^[a-z0-9][a-z0-9._/:@-]{0,254}$/, {
    error: 'must be the name of an image, like "node:24-alpine"',
  });
}
