import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { invariants } from './checker-invariants.ts';
import { look } from './checker-look.ts';
import { eventually } from './eventually.ts';

// Knows nothing of the product's code: it looks at an installation from outside, as an auditor would.

/** What a client saw of a push. */
export type SeenPush = {
  readonly commit: string;
  readonly code: number | null;
  /** It did not wait: exit 0 says that it was queued, no more. */
  readonly queued?: boolean;
  /** What git printed. */
  readonly output?: string;
  /** Its app cannot start. */
  readonly broken?: boolean;
};

export type Checked = {
  /** The data folder. */
  readonly data: string;
  /** Engines of every server, and of the machine that builds. */
  readonly servers: readonly { readonly name: string; readonly dockerHost: string }[];
  readonly builder: { readonly dockerHost: string };
  readonly app: string;
  readonly env: string;
  readonly branch: string;
  /** Processes of each release that are to run, in all. */
  readonly containers: number;
  /** What the load balancer answers. */
  ask(): Promise<{ status: number; body: string }>;
  /** What a commit's app answers with. */
  bodyOf(commit: string): string;
  /** Every push so far, oldest first. */
  readonly pushes: readonly SeenPush[];
  /** Texts that no file may hold. */
  readonly secrets?: readonly string[];
  /** Requests that the load generator says have failed, without those that a fault may cost. */
  failedRequests?(): readonly string[];
};

export type Ledger = {
  all(sql: string, ...values: (string | number)[]): Record<string, unknown>[];
} & Disposable;

// What is true at once on a machine that is idle takes a while where everything starts again at the same time.
const settleLimitMs = 120_000;

/** Asserts, within 120 s, that everything is as it should be after faults have ended. Answers how long it took, in ms. */
export async function checkAll(world: Checked): Promise<number> {
  const begin = performance.now();
  await eventually(
    async () => {
      await checkOnce(world);
      return true;
    },
    { timeoutMs: settleLimitMs, intervalMs: 250 },
  ).catch((error) => {
    throw new Error(`the checker is not content: ${(error.cause as Error)?.message}`, { cause: error.cause });
  });
  return performance.now() - begin;
}

/** One look at everything; throws at the first invariant that does not hold. */
export async function checkOnce(world: Checked): Promise<void> {
  using ledger = openLedgerFile(world.data);
  const seen = await look(world, ledger);
  for (const check of Object.values(invariants)) check(seen);
}

/** The ledger as any program can read it. */
export function openLedgerFile(data: string): Ledger {
  const file = new DatabaseSync(join(data, 'ledger.db'), { readOnly: true, timeout: 5_000 });
  return {
    all: (sql, ...values) => file.prepare(sql).all(...values),
    [Symbol.dispose]: () => file.close(),
  };
}
