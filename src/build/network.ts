import { Failure } from '../failure.ts';
import { shorten } from './explain.ts';

/**
 * Where the steps of a build have no network, ADD has none either: the engine itself would fetch what it names. A name
 * in a variable may be an address too. Throws `build_network_off`. Pure.
 */
export function refuseFetching(dockerfile: string, network: 'engine' | 'none'): void {
  if (network === 'engine') return;
  // Which of the two goes on in the next line is said in the Dockerfile; either reading of it is refused.
  const found = ['\\', '`'].map((sign) => findFetch(dockerfile, sign)).find((each) => each !== undefined);
  if (found === undefined) return;
  throw new Failure('build_network_off', `"${shorten(found)}" would fetch, and builds have no network here.`);
}

/** The first ADD whose source is, or may be, no file of the context. */
function findFetch(dockerfile: string, sign: string): string | undefined {
  const lines = dockerfile.split(/\r?\n/).filter((line) => !/^\s*(?:#.*)?$/.test(line));
  const instructions: string[] = [];
  let open = false;
  for (const line of lines) {
    const goesOn = line.trimEnd().endsWith(sign);
    const text = goesOn ? line.trimEnd().slice(0, -1) : line;
    if (open) instructions.push((instructions.pop() ?? '') + text);
    else instructions.push(text);
    open = goesOn;
  }
  return instructions.find((text) => /^\s*(?:ONBUILD\s+)?ADD\s.*(?:\w:\/\/|\$)/i.test(text));
}
