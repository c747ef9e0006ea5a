import { Failure } from '../failure.ts';
import type { SshConnection } from './ssh.ts';
import { describe, forwardingRefused } from './ssh-failures.ts';

/**
 * Why the engine's socket could not be opened through a working SSH connection. sshd gives the same answer for
 * a missing socket, a forbidden one and forwarding switched off, so the server is asked with `test`.
 */
export async function explainNoDocker(ssh: SshConnection, path: string, cause: unknown): Promise<Error> {
  if (!(cause instanceof Failure) || cause.code !== 'channel_refused') return cause as Error;
  // A login shell or a forced command that runs nothing would answer every question with no.
  if ((await ask(ssh, 'test -e /')) !== 0) return cause;
  const { server } = ssh;
  const refuse = (why: string, fix: string) =>
    new Failure('server_no_docker', `${describe(server)}: ${why}`, { cause, fix });
  if ((await ask(ssh, `test -e ${path}`)) === 1) {
    return refuse(`no Docker engine: ${path} does not exist`, 'Install Docker there and start it.');
  }
  if ((await ask(ssh, `test -w ${path}`)) === 1) {
    return refuse(
      `${server.user} may not use Docker: no permission for ${path}`,
      `On ${server.host}: usermod -aG docker ${server.user}`,
    );
  }
  // An engine that was started between the two questions answers now: then nothing is wrong with the forwarding.
  if ((await ask(ssh, `docker -H unix://${path} version`)) === 0 && !(await opens(ssh, path)))
    return forwardingRefused(server, path, cause);
  return refuse(`the Docker engine does not answer at ${path}`, 'Start Docker there: systemctl start docker');
}

async function opens(ssh: SshConnection, path: string): Promise<boolean> {
  try {
    (await ssh.openSocket(path)).destroy();
    return true;
  } catch {
    // What it was refused with is known already.
    return false;
  }
}

async function ask(ssh: SshConnection, command: string): Promise<number | null> {
  // A server that cannot be asked leaves the question open; the original failure is still reported.
  return await ssh.exitCodeOf(command).catch(() => null);
}
