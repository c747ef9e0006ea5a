import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { glob, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { formatReport } from './fault-report.ts';
import type { FaultRow } from './fault-rows.ts';
import { runProgram } from './program.ts';

// npm run test:faults: every cell of the matrix, one after the other, and the page that tells of it.

const root = fileURLToPath(new URL('../../', import.meta.url));

async function runAll(file: string): Promise<string[]> {
  const tests: string[] = [];
  for await (const path of glob('test/integration/fault-*.test.ts', { cwd: root })) tests.push(path);
  const argv = ['--test', '--test-concurrency=1', '--test-reporter=spec', ...tests.sort()];
  const env = { ...process.env, HAWSER_FAULTS: 'all', HAWSER_FAULT_ROWS: file };
  const child = spawn(process.execPath, argv, { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] });
  const failed = new Set<string>();
  for await (const line of createInterface({ input: child.stdout })) {
    process.stdout.write(`${line}\n`);
    const name = /^✖ (.+) \([\d.]+ms\)$/.exec(line)?.[1];
    if (name !== undefined) failed.add(name);
  }
  if (child.exitCode === null) await once(child, 'close');
  if (child.exitCode !== 0 && failed.size === 0) failed.add(`the run ended with exit code ${child.exitCode}`);
  return [...failed];
}

const folder = await mkdtemp(join(tmpdir(), 'hawser-rows-'));
try {
  const file = join(folder, 'rows.jsonl');
  await writeFile(file, '');
  const begin = performance.now();
  const failed = await runAll(file);
  const lines = (await readFile(file, 'utf8')).split('\n').filter(Boolean);
  const report = formatReport({
    rows: lines.map((line) => JSON.parse(line) as FaultRow),
    failed,
    date: new Date().toISOString().slice(0, 10),
    minutes: Math.round((performance.now() - begin) / 60_000),
    commit: (await runProgram('git', ['-C', root, 'rev-parse', '--short', 'HEAD'])).trim(),
  });
  await writeFile(join(root, 'docs', 'faults.md'), report);
  process.exitCode = failed.length === 0 ? 0 : 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}
