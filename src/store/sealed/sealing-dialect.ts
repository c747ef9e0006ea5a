import { type Kysely, SqliteAdapter, SqliteDialect, type SqliteDialectConfig } from 'kysely';
import type { Seal } from '../../model/seal.ts';
import type { Tables } from '../tables.ts';

/** The adapter is the one part that a database and its transactions share: it carries the seal of their rows. */
class SealingAdapter extends SqliteAdapter {
  readonly seal: Seal;

  constructor(seal: Seal) {
    super();
    this.seal = seal;
  }
}

/** SQLite, with values that are sealed before they are written. */
export class SealingDialect extends SqliteDialect {
  readonly #seal: Seal;

  constructor(config: SqliteDialectConfig, seal: Seal) {
    super(config);
    this.#seal = seal;
  }

  override createAdapter(): SealingAdapter {
    return new SealingAdapter(this.#seal);
  }
}

/** How the rows of a database, or of a transaction of it, are sealed. */
export function sealOf(db: Kysely<Tables>): Seal {
  const { adapter } = db.getExecutor();
  if (!(adapter instanceof SealingAdapter)) throw new Error('the ledger was opened without a seal');
  return adapter.seal;
}
