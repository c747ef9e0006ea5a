import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Guests } from '../api/guests.ts';
import type { Config } from '../config.ts';
import { Failure } from '../failure.ts';
import type { SshCommands } from '../receive/ssh/command.ts';
import type { SshWindow } from '../receive/ssh/window.ts';
import { planFolders } from '../supervise/folders.ts';

const root = join(import.meta.dirname, '..', '..');

/** They are about this machine, or keep something on the one where they are typed. */
const local = new Set([
  ...['up', 'server', 'worker', 'apply', 'setup'],
  ...['login', 'logout', 'completion', 'credential', 'users:accept'],
]);

// It reads its own program and nothing else: whatever an option names, no file of the server comes out of it.
const confinement = [
  '--permission',
  '--allow-net',
  ...['src', 'node_modules', 'package.json'].map((name) => `--allow-fs-read=${join(root, name)}`),
  '--disable-warning=ExperimentalWarning',
  '--max-old-space-size=160',
];

/**
 * The command line for those who come over SSH: a process of its own that reaches the API like any other client,
 * with a token that is worth what its actor is, and that ends with it. Throws `ssh_command_refused`.
 */
export function openGuestCommands(config: Pick<Config, 'data'>, guests: Guests): SshCommands {
  const { guestSocket } = planFolders(config.data);
  return {
    start(argv, recheck, { address, window }) {
      refuseLocal(argv);
      const { token, takeBack } = guests.lend(recheck, address);
      const child = spawn(process.execPath, [...confinement, join(root, 'src', 'main.ts'), ...argv], {
        cwd: '/',
        env: {
          HAWSER_URL: 'http://hawser',
          HAWSER_SOCKET: guestSocket,
          HAWSER_TOKEN: token,
          HOME: '/nonexistent',
          NO_COLOR: '1',
          ...(window === null ? {} : { HAWSER_TERMINAL: describeWindow(window) }),
        },
        detached: true,
        // The last one tells the size of the window.
        stdio: ['pipe', 'pipe', 'pipe', window === null ? 'ignore' : 'ipc'],
      }) as ChildProcessWithoutNullStreams;
      return { child, end: takeBack };
    },
  };
}

/** As the command line reads it. */
function describeWindow({ size: { rows, columns }, kind }: SshWindow): string {
  return `${rows} ${columns} ${kind}`;
}

function refuseLocal(argv: readonly string[]): void {
  const [name = ''] = argv;
  if (local.has(name)) {
    throw new Failure('ssh_command_refused', `"${name}" is for the machine of the server, not over SSH.`);
  }
  if (argv.some((word) => word === '--config' || word.startsWith('--config='))) {
    throw new Failure('ssh_command_refused', 'Over SSH there is one installation: leave out --config.');
  }
}
