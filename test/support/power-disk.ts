import { mkdir, readdir, readlink, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from './eventually.ts';
import { runProgram, tryProgram } from './program.ts';

/** A disk of its own that loses, when its power fails, all that nobody asked it to keep. */
export type PowerDisk = {
  /** Where it is mounted. */
  readonly folder: string;
  /** The program and its arguments that cut it off, in the middle of whatever is being written. */
  readonly cut: readonly string[];
  /** Ends every process that is still on it, and mounts what reached it, as after a power failure. */
  remount(): Promise<void>;
  close(): Promise<void>;
};

const sizeBytes = 4 * 2 ** 30;
// EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH (fs/ext4/ext4.h): not even the journal is written any more.
const shutdown =
  'open(my $folder, "<", $ARGV[0]) or die $!; my $flag = pack("L", 2); ioctl($folder, 0x8004587d, $flag) or die $!;';

/** Makes an ext4 in a file and mounts it on `folder`; needs root. */
export async function openPowerDisk(folder: string, image: string): Promise<PowerDisk> {
  await writeFile(image, '');
  await truncate(image, sizeBytes);
  await runProgram('mkfs.ext4', ['-q', '-F', '-m', '0', image]);
  await mkdir(folder, { recursive: true });
  let disk = image;
  const mount = () => runProgram('mount', ['-o', 'loop', '-t', 'ext4', '--', disk, folder]);
  await mount();
  await rm(join(folder, 'lost+found'), { recursive: true });
  async function unmount(): Promise<void> {
    await eventually(
      async () => {
        await endUsers(folder);
        await runProgram('umount', ['--', folder]);
        return true;
      },
      { timeoutMs: 60_000, intervalMs: 100 },
    );
  }
  return {
    folder,
    cut: ['perl', '-e', shutdown, folder],
    async remount() {
      await unmount();
      // A mount namespace that was made meanwhile may hold the dead file system: what is on the disk is read anew.
      const next = `${disk}+`;
      await runProgram('cp', ['--sparse=always', '--', disk, next]);
      await rm(disk);
      disk = next;
      await mount();
    },
    async close() {
      if ((await tryProgram('mountpoint', ['-q', folder])) !== undefined) await unmount();
      await rm(disk, { force: true });
    },
  };
}

/** A process whose folder or file is on the disk would keep it mounted; with its machine it is dead anyway. */
async function endUsers(folder: string): Promise<void> {
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue;
    if (!(await isOn(join('/proc', name), folder))) continue;
    try {
      process.kill(Number(name), 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

async function isOn(proc: string, folder: string): Promise<boolean> {
  const open = await readdir(join(proc, 'fd')).catch(() => []);
  const links = ['cwd', ...open.map((fd) => join('fd', fd))];
  const targets = await Promise.all(links.map((link) => readlink(join(proc, link)).catch(() => '')));
  return targets.some((target) => target.startsWith(`${folder}/`) || target === folder);
}
