import { keyOf } from '../../rollout/switches.ts';
import type { Drift } from './wanted-now.ts';

const longest = 1_000;

/** What is mended, in a line: what is not as it was made and how, what is started and what is removed. Pure. */
export function describeDrift({ plan, unfit }: Drift): string {
  const changed = [...unfit].map(
    ([key, differences]) => `${key} is not as it was made: ${differences.join(', ')}`,
  );
  const start = plan.start.map(keyOf);
  const retire = plan.retire.map(keyOf);
  const parts = [
    ...changed,
    ...(start.length === 0 ? [] : [`start ${start.join(', ')}`]),
    ...(retire.length === 0 ? [] : [`remove ${retire.join(', ')}`]),
  ];
  const line = parts.join('; ');
  return line.length <= longest ? line : `${line.slice(0, longest - 1)}…`;
}
