import { measureLoad, saveLoad, wholeLoad } from './load.ts';
import { measurePushToLive } from './push-to-live.ts';
import { measureRollouts, saveRollouts } from './rollout.ts';
import { readMachineFacts } from './support/machine-facts.ts';
import { saveResults } from './support/report.ts';

/** All measurements, the whole of each: what docs/benchmarks.md shows. */
const facts = await readMachineFacts();
const all = { servers: [1, 2, 4, 8], rounds: 5 };
await saveResults(facts, await measurePushToLive(all));
await saveRollouts(facts, await measureRollouts(all));
await saveLoad(facts, await measureLoad(wholeLoad));
