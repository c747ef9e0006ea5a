import { isIPv6 } from 'node:net';
import type { AskedAct, Audit, AuditOutcome, NewAuditEntry } from '../../model/audit.ts';
import type { Database } from '../database.ts';
import { appendAudit, performAudited } from './audit.ts';

export type AuditOptions = {
  readonly windowMs?: number;
  /** Of one window; what comes beyond is counted in one entry. */
  readonly maxEntries?: number;
  readonly report: (error: unknown) => void;
};

type Counted = { readonly entry: NewAuditEntry; more: number };

/**
 * The audit log of one process. What strangers can make happen as often as they like is written the first time and
 * counted for a while when the same comes from the same place; closing writes what is only counted.
 */
export function openAudit(
  db: Database,
  { windowMs = 60_000, maxEntries = 60, report }: AuditOptions,
): Audit & AsyncDisposable {
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
    perform: (act, work) => performAudited(db, act, work),
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
function keyOf(
  { actorKind, actor, door, address, action }: AskedAct,
  { outcome, code }: AuditOutcome,
): string {
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
