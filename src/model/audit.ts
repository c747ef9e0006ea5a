import { createHash } from 'node:crypto';

/** By which door somebody came. */
export const auditDoors = ['api', 'socket', 'cli-ssh', 'git-http', 'git-ssh', 'webhook', 'upkeep'] as const;
export type AuditDoor = (typeof auditDoors)[number];

/** Who did something, and from where. */
export type AuditAsker = {
  readonly actorKind: string;
  readonly actor: string;
  readonly door: AuditDoor;
  /** IP address; empty on this machine's own socket. */
  readonly address: string;
};

/** What was done to what; names, so that it reads the same once the thing is gone. Never a secret. */
export type AuditAct = {
  /** `noun:verb`, like the command. */
  readonly action: string;
  readonly app: string | null;
  readonly env: string | null;
  readonly object: string | null;
};

export type AskedAct = AuditAsker & AuditAct;

export type AuditOutcome = {
  readonly outcome: 'done' | 'refused' | 'failed';
  /** Of the Failure; null when it was done. */
  readonly code: string | null;
};

export type NewAuditEntry = AuditAsker &
  AuditAct &
  AuditOutcome & {
    /** How often the same happened that this entry stands for. */
    readonly count: number;
  };

export type AuditEntry = NewAuditEntry & {
  readonly seq: number;
  readonly at: string;
  /** Hash of the entry before. */
  readonly previous: string;
  readonly hash: string;
};

/** The audit log as those see it who do what people ask for. */
export type Audit = {
  /** Does it and writes that it is done, in the transaction of the change when that calls `recordDone`. */
  perform<T>(act: AskedAct, work: () => Promise<T>): Promise<T>;
  /** Writes what can happen as often as a stranger likes: what comes again soon is counted. */
  note(act: AskedAct, outcome: AuditOutcome): Promise<void>;
};

/** An address of a socket without the form that IPv4 has in IPv6. */
export function plainAddress(address: string | undefined): string {
  return address?.replace(/^::ffff:(?=[\d.]+$)/i, '') ?? '';
}

/** Where a chain begins, and where each entry of it ends. */
export type AuditLink = { readonly seq: number; readonly hash: string };

export const chainStart: AuditLink = { seq: 0, hash: '0'.repeat(64) };

const hashed = [
  ...['action', 'actor', 'actorKind', 'address', 'app', 'at', 'code', 'count', 'door', 'env'],
  ...['object', 'outcome', 'previous', 'seq'],
];

/** SHA-256 over the JSON of all fields but the hash, with sorted keys and no spaces. */
export function hashAuditEntry(entry: Omit<AuditEntry, 'hash'>): string {
  return createHash('sha256').update(JSON.stringify(entry, hashed)).digest('hex');
}

/** The entry that follows a link. */
export function linkAuditEntry(before: AuditLink, at: string, entry: NewAuditEntry): AuditEntry {
  const linked = { ...entry, seq: before.seq + 1, at, previous: before.hash };
  return { ...linked, hash: hashAuditEntry(linked) };
}

export type AuditBreak = { readonly seq: number; readonly why: string };

/** What is wrong with an entry that should follow a link; null when nothing is. */
export function findAuditBreak(before: AuditLink, entry: AuditEntry): AuditBreak | null {
  const { seq, previous, hash } = entry;
  if (seq !== before.seq + 1) return { seq: before.seq + 1, why: 'it is missing' };
  if (hashAuditEntry(entry) !== hash) return { seq, why: 'it was changed' };
  if (previous !== before.hash) return { seq, why: 'it does not follow the entry before it' };
  return null;
}

const lengths = { actor: 120, address: 64, action: 80, app: 80, env: 80, object: 200 } as const;

/** Cut to what an entry may hold, on one line, so that nobody fills the disk or forges a line with a name. */
export function fitAuditEntry(entry: NewAuditEntry): NewAuditEntry {
  const fit = (name: keyof typeof lengths) => entry[name]?.replace(/\p{Cc}/gu, '�').slice(0, lengths[name]);
  return {
    ...entry,
    actor: fit('actor') ?? '',
    address: fit('address') ?? '',
    action: fit('action') ?? '',
    app: fit('app') ?? null,
    env: fit('env') ?? null,
    object: fit('object') ?? null,
  };
}
