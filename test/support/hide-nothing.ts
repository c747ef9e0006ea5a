import type { HideFrom } from '../../src/log/journal.ts';
import { makeRedactor } from '../../src/secrets/redactor.ts';

/** For journals of tests that have no secrets. */
export const hideNothing: HideFrom = async () => makeRedactor([]);
