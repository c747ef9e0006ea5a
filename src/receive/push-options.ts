import type { DeployOptions } from '../model/deploy.ts';
import { quoteValue } from './printable.ts';

/** What `git push -o` said. */
export type PushOptions = {
  environment: string | null;
  wait: boolean;
  skip: boolean;
  plan: boolean;
  deploy: DeployOptions;
};

const known = 'env=NAME, no-wait, no-cache, plan, skip, override-freeze=REASON';
const most = 20;

const environmentOption = /^env=([a-z0-9-]{1,40})$/;
// One line that a person can read, and nothing that moves a terminal.
const overrideOption = /^override-freeze=(?! *$)([\p{L}\p{M}\p{N}\p{P}\p{S} ]{1,200})$/u;

/** Options are data: each is one of the known words or refuses the push. Pure. */
export function parsePushOptions(words: readonly string[]): PushOptions | { readonly mistake: string } {
  const options: PushOptions = { environment: null, wait: true, skip: false, plan: false, deploy: {} };
  if (words.length > most) {
    return { mistake: `${words.length} push options (limit ${most}); known: ${known}` };
  }
  const bad = words.find((word) => !takeOption(options, word));
  return bad === undefined
    ? options
    : { mistake: `push option ${quoteValue(bad)} is not known; known: ${known}` };
}

/** False for a word that says nothing. */
function takeOption(options: PushOptions, word: string): boolean {
  if (word === 'no-wait') options.wait = false;
  else if (word === 'no-cache') options.deploy = { ...options.deploy, noCache: true };
  else if (word === 'skip') options.skip = true;
  else if (word === 'plan') options.plan = true;
  else return takeValue(options, word);
  return true;
}

function takeValue(options: PushOptions, word: string): boolean {
  const environment = environmentOption.exec(word)?.[1];
  const reason = overrideOption.exec(word)?.[1];
  if (environment !== undefined) options.environment = environment;
  if (reason !== undefined) options.deploy = { ...options.deploy, overrideFreeze: reason.trim() };
  return environment !== undefined || reason !== undefined;
}
