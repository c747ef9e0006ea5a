import { measureLoad, wholeLoad } from './load.ts';
import { measurePushToLive } from './push-to-live.ts';
import { measureRollouts, saveRollouts } from './rollout.ts';
import { saveLoad } from './support/load-report.ts';
import { readMachineFacts } from './support/machine-facts.ts';
import { allSizes } from './support/on-fleet.ts';
import { saveResults } from './support/report.ts';

/** All measurements, the whole of each: what docs/benchmarks.md shows. */
const facts = await readMachineFacts();
await saveResults(facts, await measurePushToLive(allSizes));
await saveRollouts(facts, await measureRollouts(allSizes));
await saveLoad(facts, await measureLoad(wholeLoad));
