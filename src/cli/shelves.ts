import type { AddCommands } from './command.ts';

/** A file of commands, and the nouns (before the colon, or alone) of those that are in it. */
export type Shelf = { readonly nouns: string; readonly load: () => Promise<AddCommands> };

/** Read one by one: a command starts in a third of the time when the others are left alone. In the order of the docs. */
export const allShelves: readonly Shelf[] = [
  {
    nouns: 'up server worker apply doctor',
    load: async () => (await import('./commands/installation.ts')).addInstallationCommands,
  },
  { nouns: 'apps', load: async () => (await import('./commands/apps.ts')).addAppCommands },
  { nouns: 'deploy', load: async () => (await import('./commands/deploy.ts')).addDeployCommand },
  { nouns: 'deploys', load: async () => (await import('./commands/deploys.ts')).addDeployCommands },
  { nouns: '*', load: async () => (await import('./commands/completion.ts')).addCompletionCommands },
  { nouns: 'events', load: async () => (await import('./commands/events.ts')).addEventCommands },
  {
    nouns: 'releases rollback',
    load: async () => (await import('./commands/releases.ts')).addReleaseCommands,
  },
  {
    nouns: 'pipelines promote',
    load: async () => (await import('./commands/pipelines.ts')).addPipelineCommands,
  },
  { nouns: 'approvals', load: async () => (await import('./commands/approvals.ts')).addApprovalCommands },
  { nouns: 'freeze', load: async () => (await import('./commands/freezes.ts')).addFreezeCommands },
  { nouns: 'apps', load: async () => (await import('./commands/locks.ts')).addLockCommands },
  { nouns: 'config', load: async () => (await import('./commands/config.ts')).addConfigCommands },
  { nouns: 'ps logs', load: async () => (await import('./commands/containers.ts')).addContainerCommands },
  { nouns: 'ps', load: async () => (await import('./commands/ps-scale.ts')).addScaleCommands },
  { nouns: 'ps', load: async () => (await import('./commands/exec.ts')).addExecCommands },
  { nouns: 'run runs', load: async () => (await import('./commands/runs.ts')).addRunCommands },
  { nouns: 'domains', load: async () => (await import('./commands/domains.ts')).addDomainCommands },
  {
    nouns: 'maintenance',
    load: async () => (await import('./commands/maintenance.ts')).addMaintenanceCommands,
  },
  { nouns: 'servers', load: async () => (await import('./commands/servers.ts')).addServerCommands },
  {
    nouns: 'servers',
    load: async () => (await import('./commands/server-changes.ts')).addServerChangeCommands,
  },
  {
    nouns: 'setup login logout users credential totp',
    load: async () => (await import('./commands/login.ts')).addLoginCommands,
  },
  { nouns: 'users', load: async () => (await import('./commands/users.ts')).addUserCommands },
  { nouns: 'whoami access', load: async () => (await import('./commands/access.ts')).addAccessCommands },
  { nouns: 'tokens', load: async () => (await import('./commands/tokens.ts')).addTokenCommands },
  { nouns: 'keys', load: async () => (await import('./commands/keys.ts')).addKeyCommands },
  { nouns: 'disk', load: async () => (await import('./commands/disk.ts')).addDiskCommands },
  { nouns: 'secrets', load: async () => (await import('./commands/secrets.ts')).addSecretsCommands },
  { nouns: 'audit', load: async () => (await import('./commands/audit.ts')).addAuditCommands },
  { nouns: 'webhooks', load: async () => (await import('./commands/webhooks.ts')).addWebhookCommands },
  {
    nouns: 'notifications',
    load: async () => (await import('./commands/notifications.ts')).addNotificationCommands,
  },
];

/** The files that may have the command of that name; all of them when its noun is not known, or it looks at all. */
export function findShelves(name: string): readonly Shelf[] {
  const [noun = ''] = name.split(':');
  const found = allShelves.filter(({ nouns }) => nouns.split(' ').includes(noun));
  return found.length === 0 ? allShelves : found;
}
