import type { Login, Logins } from './login-file.ts';

/** The attributes that git sends to a credential helper (git-credential(1)): `key=value`, a line each. Pure. */
export function parseAttributes(text: string): Readonly<Record<string, string>> {
  const pairs = text.split('\n').flatMap((line) => {
    const at = line.indexOf('=');
    return at > 0 ? [[line.slice(0, at), line.slice(at + 1)] as const] : [];
  });
  return Object.fromEntries(pairs);
}

/** The login for exactly the server that git asks about; null leaves git to ask somebody else. Pure. */
export function findLogin(asked: Readonly<Record<string, string>>, { servers }: Logins): Login | null {
  const { protocol = '', host = '' } = asked;
  const url = URL.parse(`${protocol}://${host}`);
  if (url === null || url.username !== '' || url.pathname !== '/') return null;
  return Object.hasOwn(servers, url.origin) ? (servers[url.origin] ?? null) : null;
}

/** The answer of a helper; a name that would add a line of its own is left out. Pure. */
export function formatLogin({ name, token }: Login): string[] {
  return [`username=${/^[\w.@-]+$/.test(name) ? name : 'hawser'}`, `password=${token}`];
}
