import type { Config } from '../config.ts';

/** What of the configuration nobody may read in a log. Pure. */
export function passwordsOf({
  redis,
  registry,
  secrets,
  notifications: { smtp, receivers },
}: Config): readonly string[] {
  const { username, password } = registry === 'embedded' ? { username: null, password: null } : registry;
  const basic = username === null || password === null ? [] : [`${username}:${password}`];
  return [
    ...(password === null ? [] : [password]),
    // As the header of a request has it.
    ...basic,
    ...(smtp?.password == null ? [] : [smtp.password]),
    // As SMTP has a login.
    ...(smtp?.password == null ? [] : [`\0${smtp.username}\0${smtp.password}`]),
    // Who knows the address of a chat's webhook may write there.
    ...Object.values(receivers).flatMap(({ kind, to, secret }) => [
      ...(kind === 'mail' ? [] : [to]),
      ...(secret === null ? [] : [secret]),
    ]),
    ...(redis === 'embedded' ? [] : [redis.url, decode(new URL(redis.url).password)]),
    ...(secrets.kind === 'text' ? secrets.text.split(/\s+/) : []),
    ...Object.values(secrets.outside.variables),
  ].filter((text) => text !== '');
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A percent sign that belongs to the password itself.
    return text;
  }
}
