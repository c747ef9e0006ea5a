const appName = /^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$/;
const reserved = new Set(['api', 'git', 'login', 'static', 'healthz', 'readyz', 'metrics', 'hawser', 'www']);

/** True for a name that an app may have: it becomes part of a domain, a container's name and a URL. */
export function isAppName(name: string): boolean {
  return appName.test(name) && !name.includes('--') && !reserved.has(name);
}

/** `<app>-<env>-v<release>-<process>-<n>`: unique on a server, and the same however often it is planned. */
export function containerName(parts: {
  app: string;
  env: string;
  release: number;
  process: string;
  index: number;
}): string {
  return `${parts.app}-${parts.env}-v${parts.release}-${parts.process}-${parts.index}`;
}
