import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MachineFacts } from './machine-facts.ts';

const root = join(import.meta.dirname, '..', '..');

/** Writes bench/results/NAME.json, and the tables between the marks of that name in docs/benchmarks.md. */
export async function saveTables(
  name: string,
  result: { readonly facts: MachineFacts; readonly measured: unknown },
  tables: string,
): Promise<void> {
  const folder = join(root, 'bench', 'results');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${name}.json`), `${JSON.stringify(result, roundNumber, 2)}\n`);
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const file = join(root, 'docs', 'benchmarks.md');
  const [before = '', rest = ''] = (await readFile(file, 'utf8')).split(open);
  const after = rest.split(close)[1] ?? '';
  const machine = Object.entries(result.facts).map(([key, value]) => `${key} ${value}`);
  const text = `${tables}\nMachine: ${machine.join(', ')}.\n`;
  await writeFile(file, `${before}${open}\n${text}${close}${after}`);
}

function roundNumber(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Math.round(value * 10) / 10 : value;
}
