import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { runAsRoot } from './run.mjs';
import { SetupError, say } from './stop.mjs';

/** Programs that Hawser starts, the Debian package of each, and the unit that would start with it. */
const needed = [
  { program: 'dockerd', from: 'docker.io', unit: 'docker.service', alsoUnit: 'docker.socket' },
  { program: 'docker', from: 'docker.io' },
  { program: 'docker-registry', from: 'docker-registry', unit: 'docker-registry.service' },
  { program: 'haproxy', from: 'haproxy', unit: 'haproxy.service' },
  { program: 'redis-server', from: 'redis-server', unit: 'redis-server.service' },
  { program: 'sshd', from: 'openssh-server', unit: 'ssh.service', alsoUnit: 'ssh.socket' },
  { program: 'ssh', from: 'openssh-client' },
  { program: 'ip', from: 'iproute2' },
  { program: 'iptables', from: 'iptables' },
  { program: 'busybox', from: 'busybox-static', isRight: isStatic },
  { program: 'git', from: 'git' },
  { program: 'mkfs.ext4', from: 'e2fsprogs' },
];
/** Other people's clients and shells, which the suite tries ours with. */
const clients = [
  { program: 'bash', from: 'bash' },
  { program: 'zsh', from: 'zsh' },
  { program: 'fish', from: 'fish' },
  { program: 'script', from: 'bsdutils' },
  { program: 'curl', from: 'curl' },
  { program: 'dulwich', from: 'python3-dulwich' },
  { path: '/usr/lib/python3/dist-packages/pygit2', from: 'python3-pygit2' },
];
// Node 26 is linked against it, and a minimal Debian does not have it.
const library = { name: 'libatomic.so.1', from: 'libatomic1' };
const certificates = { path: '/etc/ssl/certs/ca-certificates.crt', from: 'ca-certificates' };

/**
 * Installs what is missing with apt-get, for the suite with the clients that it tries; throws a SetupError that names
 * it where there is no apt-get.
 */
export async function installPackages({ withClients }) {
  const wanted = withClients ? [...needed, ...clients] : needed;
  const missing = wanted.filter((one) => !isThere(one));
  const names = new Set(missing.map(({ from }) => from));
  if (!existsSync(certificates.path)) names.add(certificates.from);
  if (!hasLibrary(library.name)) names.add(library.from);
  if (names.size === 0) return;
  const packages = [...names];
  if (!findProgram('apt-get'))
    throw new SetupError(
      `Missing: ${packages.join(', ')} (Debian's names). This is not Debian or Ubuntu: install them by hand and try again.`,
    );
  say(`Installing ${packages.join(', ')} with apt-get`);
  await install(
    packages,
    [...new Set(missing.flatMap(({ unit, alsoUnit }) => [unit, alsoUnit]))].filter(Boolean),
  );
}

/** Where systemd runs, its units are masked meanwhile: what Hawser needs it starts, and ends, by itself. */
async function install(packages, units) {
  const masks = existsSync('/run/systemd/system') ? units : [];
  if (masks.length > 0) await demand('systemctl', ['mask', '--runtime', '--quiet', ...masks]);
  try {
    await demand('apt-get', ['-qq', 'update']);
    const quiet = ['DEBIAN_FRONTEND=noninteractive', 'apt-get', '-qq', '--yes', '--no-install-recommends'];
    await demand('env', [...quiet, 'install', ...packages]);
  } finally {
    if (masks.length > 0) {
      await demand('systemctl', ['unmask', '--runtime', '--quiet', ...masks]);
      await runAsRoot('systemctl', ['disable', '--quiet', ...masks]);
    }
  }
}

async function demand(file, argv) {
  const code = await runAsRoot(file, argv);
  if (code === 0) return;
  const fix = 'correct what it says above (network, sources, rights) and try again';
  throw new SetupError(`${[file, ...argv].join(' ')} failed (${code}): ${fix}.`);
}

function isThere({ program, path = findProgram(program), isRight = () => true }) {
  return path !== undefined && existsSync(path) && isRight(path);
}

function hasLibrary(name) {
  const folders = readdirSync('/usr/lib').filter((folder) => folder.endsWith('-linux-gnu'));
  return folders.some((folder) => existsSync(join('/usr/lib', folder, name)));
}

/** Also where an ordinary user's PATH does not look. */
function findProgram(name) {
  const folders = (process.env.PATH ?? '').split(delimiter).concat('/usr/sbin', '/sbin', '/usr/bin', '/bin');
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** A busybox that needs libraries is of no use in an empty image; a static one has no loader (PT_INTERP). */
function isStatic(path) {
  const elf = readFileSync(path);
  const [first, size, count] = [
    Number(elf.readBigUInt64LE(0x20)),
    elf.readUInt16LE(0x36),
    elf.readUInt16LE(0x38),
  ];
  const types = Array.from({ length: count }, (_, index) => elf.readUInt32LE(first + index * size));
  return !types.includes(3);
}
