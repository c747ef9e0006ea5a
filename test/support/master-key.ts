import { dirname, join } from 'node:path';
import { type MasterKeys, openMasterKeys } from '../../src/secrets/master-key.ts';

/** The master key of ledgers that a test makes by itself. */
export const testMasters: MasterKeys = openMasterKeys({
  kind: 'text',
  text: Buffer.alloc(32, 7).toString('base64'),
});

/** The one of a whole installation, beside its ledger. */
export function mastersOf(ledger: string): MasterKeys {
  return openMasterKeys({ kind: 'file', path: join(dirname(ledger), 'keys', 'master.key') });
}
