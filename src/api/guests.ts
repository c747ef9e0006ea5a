import type { Actor } from '../model/access.ts';
import { makeToken } from '../model/token.ts';

/** Actors who came in by another door, and may use the API for as long as what they run there lasts. */
export type Guests = {
  /** A token that no ledger knows; `recheck` throws once the actor may not come in any more. */
  lend(recheck: () => Promise<Actor>): { readonly token: string; takeBack(): void };
  /** Who has the token, asked anew each time; undefined when it was not lent. */
  find(token: string): Promise<Actor> | undefined;
};

export function openGuests(): Guests {
  const lent = new Map<string, () => Promise<Actor>>();
  return {
    lend(recheck) {
      const token = makeToken();
      lent.set(token, recheck);
      return { token, takeBack: () => void lent.delete(token) };
    },
    find: (token) => lent.get(token)?.(),
  };
}
