import { Failure } from '../failure.ts';
import type { SshServer } from '../model/server.ts';

/** `app1 (deploy@10.0.0.2:22)`: the server as every message names it. */
export function describe(server: SshServer): string {
  return `${server.name} (${server.user}@${server.host}:${server.port})`;
}

export function hostKeyUnknown(server: SshServer): Failure {
  return new Failure(
    'host_key_unknown',
    `${describe(server)}: no host key is pinned for it; nothing was sent`,
    {
      fix: `hawser servers:trust ${server.name} shows the key and pins it.`,
    },
  );
}

export function hostKeyChanged(server: SshServer, pinned: string, seen: string): Failure {
  return new Failure(
    'host_key_changed',
    `${describe(server)}: the host key is not the pinned one; nothing was sent. Pinned ${pinned}, got ${seen}`,
    {
      fix: `If the server was rebuilt, hawser servers:trust ${server.name} pins the new key; otherwise somebody is in between.`,
    },
  );
}

/** Why no connection came about; `error` as the socket or the SSH library gave it. */
export function connectFailure(server: SshServer, error: unknown): Error {
  if (error instanceof Failure) return error;
  const { level, message } = error as { level?: string; message: string };
  if (level === 'client-authentication' || message.startsWith('Cannot parse privateKey')) {
    const why = level ? `${server.user} with the key ${server.identity} was not let in` : message;
    return new Failure('ssh_auth_failed', `${describe(server)}: ${why}`, {
      cause: error,
      fix: level
        ? `Add ${server.identity}.pub to authorized_keys of ${server.user} on ${server.host}.`
        : `${server.identity} must be a private key without a passphrase.`,
    });
  }
  return new Failure('ssh_unreachable', `${describe(server)}: ${wordsFor(error)}`, { cause: error });
}

export function connectionLost(server: SshServer, cause: Error | undefined): Failure {
  const why = cause?.message ?? 'closed';
  return new Failure('ssh_unreachable', `${describe(server)}: the connection was lost (${why})`, { cause });
}

/** sshd refuses what a channel asked for by its settings. */
export function forwardingRefused(server: SshServer, what: string, cause: unknown): Failure {
  return new Failure('ssh_forwarding_refused', `${describe(server)}: sshd refuses to forward ${what}`, {
    cause,
  });
}

function wordsFor(error: unknown): string {
  const { code, message, name } = error as { code?: string; message: string; name: string };
  if (name === 'TimeoutError' || message.startsWith('Timed out while waiting for handshake')) {
    return 'no answer within 10 s';
  }
  if (code === 'ECONNREFUSED') return 'connection refused: nothing listens on that port';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'the name does not resolve';
  if (code === 'EHOSTUNREACH' || code === 'ENETUNREACH') return 'no route to it';
  return message;
}
