import { appendFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from './eventually.ts';

const preload = fileURLToPath(new URL('./failpoint-preload.mjs', import.meta.url));

/** What fails beside the process that reaches the moment: where the pid files are, and what cuts the disk off. */
export type PowerCut = { readonly run: string; readonly cut: readonly string[] };

export type Failpoints = {
  /** For the environment of the installation under test, and of nothing else. */
  readonly env: Readonly<Record<string, string>>;
  /** The next process that is at `point` (its nth time since then) dies there. */
  arm(point: string, how?: { nth?: number; power?: PowerCut }): Promise<Armed>;
  /** Every moment that was announced so far. */
  reached(): Promise<ReadonlySet<string>>;
};

export type Armed = {
  /** The moment at which it struck, on the monotonic clock of this process; rejects when it was not reached. */
  struck(timeoutMs?: number): Promise<number>;
  isStruck(): Promise<boolean>;
  disarm(): Promise<void>;
};

/** Failpoints are armed by files in a folder, so that none needs a restart. */
export async function openFailpoints(folder: string): Promise<Failpoints> {
  await mkdir(folder, { recursive: true });
  await appendFile(join(folder, 'reached'), '');
  let count = 0;
  return {
    env: { NODE_OPTIONS: `--import=${preload}`, HAWSER_TEST_FAILPOINTS: folder },
    async arm(point, { nth = 1, power } = {}) {
      count += 1;
      const id = count;
      const draft = join(folder, `draft-${id}`);
      await writeFile(draft, JSON.stringify({ id, point, nth, power }));
      await rename(draft, join(folder, 'armed'));
      const isStruck = () =>
        readFile(join(folder, `hit-${id}`)).then(
          (text) => text.length > 0,
          () => false,
        );
      return {
        isStruck,
        disarm: () => rm(join(folder, 'armed'), { force: true }),
        async struck(timeoutMs = 120_000) {
          await eventually(isStruck, { timeoutMs, intervalMs: 10 }).catch(() => {
            throw new Error(`${point} was not reached within ${timeoutMs} ms`);
          });
          return performance.now();
        },
      };
    },
    async reached() {
      const text = await readFile(join(folder, 'reached'), 'utf8');
      return new Set(text.split('\n').filter(Boolean));
    },
  };
}
