/**
 * The life of a deploy, step by step.
 *
 *   accept    A push, a rollback or a retry becomes a deploy in the ledger, `queued`, and older ones that wait
 *             give way. From here on nothing that is killed can lose it.
 *   build     The build lane of its environment takes it: files of the commit → image (`building`), whose own
 *             tests are run (`testing`) → registry, by digest (`publishing`) → a release with the next number.
 *   rollout   The rollout lane takes it: the release command once (`releasing`), then prepare on all servers,
 *             switch batch by batch, retire (`rolling_out`). A failure anywhere brings the old release back.
 *   live      The release has all the traffic: the ledger says so in one transaction, then the branch moves.
 *   converge  When no deploy waits, what runs is compared with what should run, and mended.
 *
 * A lane is held by a lease in the ledger. Whoever takes it reads from the ledger where a deploy is and goes
 * on from there, so a kill at any line is the same as a pause.
 */
export { acceptPush, acceptRetry, acceptRollback, cancelDeploy } from './pipeline/accept/accept.ts';
export { reconcile } from './pipeline/converge/reconcile.ts';
export { followDeploy } from './pipeline/follow.ts';
export { buildLane } from './pipeline/lanes/build-lane.ts';
export { runLane } from './pipeline/lanes/lane.ts';
export { rolloutLane } from './pipeline/lanes/rollout-lane.ts';
