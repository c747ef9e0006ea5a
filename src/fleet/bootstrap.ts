import { Failure } from '../failure.ts';
import type { ProgramEnd } from './exec.ts';
import { quoteArguments } from './quote.ts';

type Run = (argv: readonly string[], signal: AbortSignal) => Promise<ProgramEnd>;

/** What was found on a machine that is to have an engine. */
export type MachineFacts = {
  readonly user: string;
  readonly isRoot: boolean;
  readonly isDebian: boolean;
  readonly hasEngine: boolean;
  readonly hasSystemd: boolean;
  readonly inDockerGroup: boolean;
};

/** The commands that give a machine an engine which its user may use; none when it has one. Pure. */
export function planBootstrap(facts: MachineFacts): readonly (readonly string[])[] {
  const as = facts.isRoot ? [] : ['sudo', '-n'];
  const apt = [...as, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get'];
  const start = facts.hasSystemd
    ? ['systemctl', 'enable', '--now', 'docker']
    : ['service', 'docker', 'start'];
  const install = facts.hasEngine
    ? []
    : [
        [...apt, 'update'],
        [...apt, 'install', '-y', '--no-install-recommends', 'docker.io'],
        [...as, ...start],
      ];
  const join = facts.isRoot || facts.inDockerGroup ? [] : [[...as, 'usermod', '-aG', 'docker', facts.user]];
  return [...install, ...join];
}

/** Looks at the machine and plans. Throws `bootstrap_failed` on one that is neither Debian nor Ubuntu. */
export async function planBootstrapOf(
  run: Run,
  user: string,
  signal: AbortSignal,
): Promise<readonly (readonly string[])[]> {
  const holds = async (...argv: string[]) => (await run(argv, signal)).code === 0;
  const words = async (...argv: string[]) => (await run(argv, signal)).stdout.trim().split(/\s+/);
  const facts = {
    user,
    isRoot: (await words('id', '-u'))[0] === '0',
    isDebian: await holds('test', '-f', '/etc/debian_version'),
    hasEngine: await holds('test', '-S', '/var/run/docker.sock'),
    hasSystemd: await holds('test', '-d', '/run/systemd/system'),
    inDockerGroup: (await words('id', '-nG')).includes('docker'),
  };
  if (!facts.hasEngine && !facts.isDebian) {
    throw new Failure('bootstrap_failed', 'Docker is installed by Hawser on Debian and Ubuntu only.', {
      fix: 'Install Docker there by hand, then hawser servers:add without --bootstrap.',
    });
  }
  return planBootstrap(facts);
}

/** Runs the commands in order; the first that fails ends it. Throws `bootstrap_failed` with its last lines. */
export async function performBootstrap(
  run: Run,
  commands: readonly (readonly string[])[],
  signal: AbortSignal,
): Promise<void> {
  for (const argv of commands) {
    const { code, stdout, stderr } = await run(argv, signal);
    if (code === 0) continue;
    const last = `${stdout}\n${stderr}`.trim().split('\n').slice(-3).join(' / ');
    throw new Failure('bootstrap_failed', `${showCommand(argv)} ended with ${code ?? 'a signal'}: ${last}`);
  }
}

/** A command as a person would type it. */
export function showCommand(argv: readonly string[]): string {
  return argv.map((word) => (/^[\w./=:-]+$/.test(word) ? word : quoteArguments([word]))).join(' ');
}
