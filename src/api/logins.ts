import { Failure } from '../failure.ts';
import { openSlots, type Slots } from '../receive/slots.ts';

/** Slows down who guesses: after some failures each one doubles the wait, for the user and for the address. */
export type LoginGate = {
  /** Throws `too_many_logins` while the user or the address has to wait. */
  admit(user: string, address: string): void;
  fail(user: string, address: string): void;
  /** Forgets the failures of the user; those of the address stay, or an account of one's own would buy new tries. */
  pass(user: string): void;
  /** A place to compute a hash in: it takes 19 MiB and a fifth of a second. */
  readonly slots: Slots;
};

// An address may be that of an office or of a proxy.
const free = { user: 5, address: 30 } as const;
const firstWaitMs = 1_000;
const longestWaitMs = 5 * 60_000;
const forgetMs = 60 * 60_000;
const mostKept = 10_000;

type Failures = { count: number; lastMs: number };

/** `now` is in ms and never goes back. */
export function openLoginGate(now: () => number = () => performance.now()): LoginGate {
  const kept = new Map<string, Failures>();
  const keysOf = (user: string, address: string) =>
    [
      [`user ${user}`, free.user],
      [`address ${address}`, free.address],
    ] as const;

  function waitOf(key: string, allowed: number): number {
    const failures = kept.get(key);
    if (failures === undefined || failures.count < allowed) return 0;
    const wait = Math.min(longestWaitMs, firstWaitMs * 2 ** Math.min(20, failures.count - allowed));
    return Math.max(0, failures.lastMs + wait - now());
  }

  function note(key: string): void {
    const before = kept.get(key);
    const isOld = before === undefined || now() - before.lastMs > forgetMs;
    kept.delete(key);
    kept.set(key, { count: isOld ? 1 : before.count + 1, lastMs: now() });
    // The one that was quiet the longest goes first.
    const [oldest] = kept.keys();
    if (kept.size > mostKept && oldest !== undefined) kept.delete(oldest);
  }

  return {
    slots: openSlots(2, 10_000, 'logins'),
    admit(user, address) {
      const waits = keysOf(user, address).map(([key, allowed]) => waitOf(key, allowed));
      const seconds = Math.ceil(Math.max(...waits) / 1000);
      if (seconds === 0) return;
      throw new Failure('too_many_logins', `Too many logins failed; the next one is heard in ${seconds} s.`);
    },
    fail(user, address) {
      for (const [key] of keysOf(user, address)) note(key);
    },
    pass: (user) => void kept.delete(`user ${user}`),
  };
}
