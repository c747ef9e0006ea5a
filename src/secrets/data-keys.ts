import { randomBytes } from 'node:crypto';
import { Failure } from '../failure.ts';
import type { Seal, SealPlace } from '../model/seal.ts';
import type { MasterKeys } from './master-key.ts';
import { formatBinding, keyOf, openText, type SealKey, sealText } from './seal.ts';

/** A data key as the ledger has it: wrapped by one master key. */
export type WrappedKey = { readonly id: number; readonly master: string; readonly wrapped: string };

/** What the seal asks of the ledger, at once: it is asked in the middle of reading and writing rows. */
export type KeyLookups = {
  listWraps(id: number): readonly WrappedKey[];
  /** 0 when there is none yet. */
  newestKey(): number;
  findApp(environmentId: string): string | undefined;
};

const keyBytes = 32;

export function wrapDataKey(id: number, bytes: Buffer, master: SealKey): WrappedKey {
  return { id, master: master.id, wrapped: sealText(bytes.toString('base64'), master, bindingOf(id)) };
}

/** Undefined when none of the keys opens it. */
export function unwrapDataKey(wraps: readonly WrappedKey[], masters: readonly SealKey[]): Buffer | undefined {
  for (const { id, master, wrapped } of wraps) {
    const key = masters.find((candidate) => candidate.id === master);
    const text = key && openText(wrapped, key, bindingOf(id));
    if (text !== undefined) return Buffer.from(text, 'base64');
  }
  return undefined;
}

export function makeDataKey(): Buffer {
  return randomBytes(keyBytes);
}

function bindingOf(id: number): string {
  return formatBinding(['data key', id]);
}

/** Seals under the newest data key of the ledger; keys that another process made are found when they are met. */
export function openSeal(masters: MasterKeys, lookups: KeyLookups): Seal {
  const known = new Map<number, Buffer>();
  const keyFor = (id: number): SealKey => {
    const bytes = known.get(id) ?? unwrapDataKey(lookups.listWraps(id), masters.read());
    if (bytes === undefined) {
      throw new Failure('master_key_wrong', `The master key does not open data key ${id} of the ledger.`);
    }
    known.set(id, bytes);
    return { id: `k${id}`, bytes };
  };
  const bind = ({ environmentId, what, version }: SealPlace) =>
    formatBinding([lookups.findApp(environmentId) ?? '', environmentId, what, version]);
  return {
    current: lookups.newestKey,
    seal: (text, place) => sealText(text, keyFor(lookups.newestKey()), bind(place)),
    open(sealed, place) {
      const id = Number(keyOf(sealed)?.slice(1));
      const text = Number.isInteger(id) ? openText(sealed, keyFor(id), bind(place)) : undefined;
      if (text === undefined) throw broken(place);
      return text;
    },
  };
}

function broken({ what, version }: SealPlace): Failure {
  const name = /^settings\.vars\.(.*)$/s.exec(what)?.[1];
  if (name !== undefined) {
    return new Failure(
      'secret_broken',
      `The sealed value of ${name} was changed or moved: it does not open.`,
      {
        fix: `hawser config:set -a APP -e ENV ${name}=VALUE sets it anew; config:unset takes it away.`,
      },
    );
  }
  const of = version === 0 ? '' : ` of number ${version}`;
  return new Failure(
    'secret_broken',
    `What is sealed as ${what}${of} was changed or moved: it does not open.`,
  );
}
