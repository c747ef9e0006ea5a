import type { Guests } from '../api/guests.ts';
import type { Config } from '../config.ts';
import { openSsh, type SshOptions } from '../receive/ssh/door.ts';
import { ensureHostKey } from '../receive/ssh/host-key.ts';
import { openCommandSlots } from '../receive/ssh/session.ts';
import { openGuestCommands } from './guest-commands.ts';

/** Opens git, and the command line, over SSH as deploy.config.json says. Throws `port_in_use`. */
export async function openGitSsh(
  config: Config,
  { guests, ...parts }: Pick<SshOptions, 'door' | 'runs' | 'audit' | 'log'> & { readonly guests: Guests },
): Promise<AsyncDisposable> {
  const { key, fingerprint } = await ensureHostKey(config.data);
  const opened = await openSsh({
    ...parts,
    hostKey: key,
    listen: config.listen.ssh,
    limits: config.limits,
    commands: openGuestCommands(config, guests),
    commandSlots: openCommandSlots(),
    help: describeUse(config),
  });
  parts.log.info({ ...config.listen.ssh, hostKey: fingerprint }, 'serving git over SSH');
  return opened;
}

function describeUse({ url, listen }: Config): string[] {
  const { hostname } = new URL(url);
  return [
    'There is no shell here. What there is:',
    `  git push ssh://git@${hostname}:${listen.ssh.port}/APP.git main`,
    `  ssh -p ${listen.ssh.port} git@${hostname} help`,
  ];
}
