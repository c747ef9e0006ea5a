import type { Actor } from '../model/access.ts';
import { makeToken } from '../model/token.ts';

/** Actors who came in by another door, and may use the API for as long as what they run there lasts. */
export type Guests = {
  /** A token that no ledger knows; `recheck` throws once the actor may not come in any more. */
  lend(recheck: () => Promise<Actor>, address: string): { readonly token: string; takeBack(): void };
  /** Who has the token, asked anew each time; undefined when it was not lent. */
  find(token: string): Promise<Actor> | undefined;
  /** From where its holder came; undefined when it was not lent. */
  addressOf(token: string): string | undefined;
};

export function openGuests(): Guests {
  const lent = new Map<string, { recheck: () => Promise<Actor>; address: string }>();
  return {
    lend(recheck, address) {
      const token = makeToken();
      lent.set(token, { recheck, address });
      return { token, takeBack: () => void lent.delete(token) };
    },
    find: (token) => lent.get(token)?.recheck(),
    addressOf: (token) => lent.get(token)?.address,
  };
}
