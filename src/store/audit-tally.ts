import { isIPv6 } from 'node:net';
import type { AuditOutcome, NewAuditEntry } from '../model/audit.ts';
import { type AskedAct, appendAudit } from './audit.ts';
import type { Database } from './database.ts';

export type AuditTally = {
  /** Writes it at once the first time, and counts it for a while when the same comes again from the same place. */
  note(act: AskedAct, outcome: AuditOutcome): Promise<void>;
  /** Writes what is only counted so far. */
  [Symbol.asyncDispose](): Promise<void>;
};

export type AuditTallyOptions = {
  readonly windowMs?: number;
  /** Of one window; what comes beyond is counted in one entry. */
  readonly maxEntries?: number;
  readonly report: (error: unknown) => void;
};

type Counted = { readonly entry: NewAuditEntry; more: number };

/** For what strangers can make happen as often as they like: an address gets a few entries a minute, all of them a few more. */
export function openAuditTally(
  db: Database,
  { windowMs = 60_000, maxEntries = 60, report }: AuditTallyOptions,
): AuditTally {
  let counted = new Map<string, Counted>();
  let timer: NodeJS.Timeout | undefined;

  async function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    const due = [...counted.values()].filter(({ more }) => more > 0);
    counted = new Map();
    for (const { entry, more } of due) await appendAudit(db, { ...entry, count: more });
  }

  return {
    async note(act, outcome) {
      timer ??= setTimeout(() => void flush().catch(report), windowMs).unref();
      const full = counted.size >= maxEntries;
      const key = keyOf(act, outcome);
      const known = counted.get(key) ?? (full ? counted.get('') : undefined);
      if (known !== undefined) {
        known.more += 1;
        return;
      }
      if (full) {
        counted.set('', { entry: { ...others, ...outcome, code: null, count: 1 }, more: 1 });
        return;
      }
      const entry = { ...act, ...outcome, count: 1 };
      counted.set(key, { entry, more: 0 });
      await appendAudit(db, entry);
    },
    [Symbol.asyncDispose]: flush,
  };
}

/** Stands for those who came when there were too many to tell apart. */
const others: AskedAct = {
  ...({ actorKind: 'nobody', actor: 'many', door: 'api', address: 'many' } as const),
  ...{ action: 'many', app: null, env: null, object: null },
};

/** What a stranger chooses freely (the object, the app) makes nothing different; nor does the end of an IPv6 address. */
function keyOf({ actorKind, actor, door, address, action }: AskedAct, { outcome, code }: AuditOutcome): string {
  return JSON.stringify([actorKind, actor, door, networkOf(address), action, outcome, code]);
}

function networkOf(address: string): string {
  if (!isIPv6(address) || /^::ffff:/i.test(address)) return address;
  const [front = '', back = ''] = address.split('::');
  const [left, right] = [front, back].map((part) => part.split(':').filter((group) => group !== ''));
  const zeros = Array.from({ length: 8 - (left?.length ?? 0) - (right?.length ?? 0) }, () => '0');
  const groups = address.includes('::') ? [...(left ?? []), ...zeros, ...(right ?? [])] : (left ?? []);
  return groups.slice(0, 4).join(':');
}
