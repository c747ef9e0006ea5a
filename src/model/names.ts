import { createHash } from 'node:crypto';

const appName = /^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$/;
const reserved = new Set(['api', 'git', 'login', 'static', 'healthz', 'readyz', 'metrics', 'hawser', 'www']);

/** True for a name that an app may have: it becomes part of a domain, a container's name and a URL. */
export function isAppName(name: string): boolean {
  return appName.test(name) && !name.includes('--') && !reserved.has(name);
}

const previewPrefix = 'preview-';
// With a hash and the name of an app it still fits into one label of a domain.
const longestPreview = 14;

/** Environments of previews have names of their own, which deploy.config.json cannot use. */
export function isPreviewName(name: string): boolean {
  return name.startsWith(previewPrefix);
}

/**
 * The environment of a preview's branch: what follows the last slash in lower case. What that cannot tell apart
 * from another branch gets a few letters of its hash.
 */
export function previewName(branch: string): string {
  const last = branch.slice(branch.lastIndexOf('/') + 1);
  const word = last
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, longestPreview)
    .replace(/^-+|-+$/g, '');
  const plain = word !== '' && word === last && branch.split('/').length <= 2;
  const hash = createHash('sha256').update(branch).digest('hex').slice(0, 6);
  return `${previewPrefix}${plain ? word : [word, hash].filter((part) => part !== '').join('-')}`;
}

/** `<app>-<env>-v<release>`: what the names of a release's containers begin with. */
export function releaseName(parts: { app: string; env: string; release: number }): string {
  return `${parts.app}-${parts.env}-v${parts.release}`;
}

/** `<app>-<env>-v<release>-<process>-<n>`: unique on a server, and the same however often it is planned. */
export function containerName(parts: {
  app: string;
  env: string;
  release: number;
  process: string;
  index: number;
}): string {
  return `${releaseName(parts)}-${parts.process}-${parts.index}`;
}
