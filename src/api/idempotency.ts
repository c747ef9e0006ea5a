import { createHash } from 'node:crypto';
import { Failure } from '../failure.ts';
import type { Actor } from '../model/access.ts';
import type { Database } from '../store/database.ts';
import { beginWrite, endWrite, forgetWrite, type KeptWrite, rememberWrite } from '../store/idempotency.ts';
import type { Answer } from './route.ts';

/** What routes that make a secret call it. A route says so itself; this is for one that forgot. */
const hasSecret = /"(?:token|secret|password|userData)":"/;

export type OnceAsked = {
  readonly key: string;
  /** Whose key it is; nobody is given the answer of another one. */
  readonly owner: string;
  /** Known to nobody but the asker and this run of the server. */
  readonly salt: string;
  readonly actor: Actor;
  /** Method and address. */
  readonly request: string;
  /** Where it shows what became of it. */
  readonly look: string;
  readonly body: unknown;
  /** This run of the server. */
  readonly boot: string;
  /** False when the answer has a secret, which is shown once and kept nowhere. */
  readonly keepsAnswer: boolean;
};

/**
 * Whose key it is: one credential's, or the operator's. What is hashed with a credential can be guessed from the ledger
 * by nobody; what the operator sends is told apart only while the server runs.
 */
export function ownerOf({ kind }: Actor, authorization: string | undefined, boot: string) {
  if (kind === 'operator') return { owner: 'operator', salt: boot };
  return { owner: hash(authorization ?? ''), salt: authorization ?? '' };
}

/** The key as it was sent, or undefined. Throws `invalid_input`. Pure. */
export function readKey(header: string | readonly string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (typeof header === 'string' && /^[\x21-\x7e]{1,200}$/.test(header)) return header;
  throw new Failure('invalid_input', 'Idempotency-Key: use 1 to 200 printable characters without spaces.');
}

/**
 * Acts once for each key: who asks again is given the same answer. The key is in the ledger before anything is done, so
 * that whatever is killed nothing is done twice. Throws `idempotency_key_reused`, `idempotency_key_busy`,
 * `idempotency_outcome_unknown`, `idempotency_answer_not_kept`, and what `act` throws; what was refused may be
 * asked again with the same key.
 */
export async function answerOnce(
  db: Database,
  asked: OnceAsked,
  act: () => Promise<Answer>,
): Promise<Answer> {
  const id = hash(JSON.stringify([asked.owner, asked.key]));
  const { request, look, boot } = asked;
  const body_hash = hash(JSON.stringify([asked.salt, asked.body ?? null]));
  const kept = await beginWrite(db, { id, actor: asked.actor.name, request, body_hash, boot });
  if (kept !== undefined) return repeatAnswer(kept, { request, look, body_hash, boot });
  try {
    const answer = await rememberWrite(id, act);
    if ('json' in answer) {
      const { status = 200, json } = answer;
      const text = JSON.stringify(json);
      const isKept = asked.keepsAnswer && !hasSecret.test(text);
      await endWrite(db, id, { status, answer: isKept ? text : null });
    }
    return answer;
  } catch (error) {
    // A refusal changed nothing. Of anything else nobody knows what it did.
    if (error instanceof Failure && error.status < 500) await forgetWrite(db, id);
    throw error;
  }
}

type Now = Pick<KeptWrite, 'request' | 'body_hash' | 'boot'> & Pick<OnceAsked, 'look'>;

function repeatAnswer(kept: KeptWrite, now: Now): Answer {
  const isComparable = kept.actor !== 'operator' || kept.boot === now.boot;
  const isOther = isComparable && kept.body_hash !== now.body_hash;
  if (kept.request !== now.request || isOther) {
    throw new Failure(
      'idempotency_key_reused',
      `The Idempotency-Key was used at ${kept.begun_at} for another request: ${kept.request}.`,
    );
  }
  if (kept.state === 'acted') {
    throw new Failure(
      'idempotency_answer_not_kept',
      `The same request was done at ${kept.begun_at}; the server was stopped before it could answer.`,
      { fix: `Look at it: ${now.look}.` },
    );
  }
  if (kept.state === 'begun' && kept.boot === now.boot) {
    throw new Failure('idempotency_key_busy', `The same request is under way since ${kept.begun_at}.`);
  }
  if (kept.state === 'begun') {
    throw new Failure(
      'idempotency_outcome_unknown',
      `The same request began at ${kept.begun_at} and was cut off: whether it was done is not known.`,
      { fix: `Look first: ${now.look}. To do it again, send another Idempotency-Key.` },
    );
  }
  if (kept.answer === null) {
    throw new Failure(
      'idempotency_answer_not_kept',
      `The same request was done at ${kept.begun_at}, and its answer is shown only once.`,
    );
  }
  return {
    status: kept.status ?? 200,
    json: JSON.parse(kept.answer),
    headers: { 'idempotency-replayed': 'true' },
  };
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
