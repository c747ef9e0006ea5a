#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

const oldest = 26;
const [major = '0'] = process.versions.node.split('.');
if (Number(major) < oldest) {
  process.stderr.write(
    ` !     Hawser needs Node ${oldest} and was started by Node ${process.versions.node}.\n` +
      '       fix: start it with npx hawser, or node_modules/.bin/node src/main.ts\n',
  );
  process.exit(1);
}

// A reader that closed the pipe, like head, has all that it wants. Nobody listening to what is said ends nothing.
for (const [stream, leave] of [
  [process.stdout, () => process.exit(0)],
  [process.stderr, () => {}],
] as const) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    leave();
  });
}

const manifest: { version: string } = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
);

// An import of node:http reads every name in it, and three of them load a client that we do not use: 40 ms and 16 MB in
// each process of ours.
const http = process.getBuiltinModule('node:http');
for (const name of ['WebSocket', 'CloseEvent', 'MessageEvent']) Reflect.deleteProperty(http, name);

// What was compiled once is read the next time, from a folder that is the user's own. The environment may name another.
enableCompileCache(join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'hawser'));

// Only now: an older Node gets as far as the message above.
const { runCommandLine } = await import('./cli/run.ts');
process.exitCode = await runCommandLine({
  argv: process.argv.slice(2),
  env: process.env,
  cwd: process.cwd(),
  version: manifest.version,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
});
