import { join } from 'node:path';
import type { FaultWorld } from './fault-world.ts';
import type { TestServer } from './fleet.ts';
import { tryProgram } from './program.ts';

const looks = [
  ['ip', '-brief', 'address'],
  ['ss', '-Hltnp'],
  ['iptables', '-w', '5', '-t', 'nat', '-S'],
] as const;

/** What there is when a test of faults fails: the logs of the installation, each server as its own tools see it. */
export async function gatherEvidence({ hawser, fleet }: FaultWorld): Promise<string> {
  const servers = await Promise.all(fleet.servers.map(describeServer));
  return [await hawser.readLogs(), ...servers].join('\n');
}

async function describeServer(server: TestServer): Promise<string> {
  // An engine that stands still would be waited for.
  const list = ['10', 'docker', '--host', server.dockerHost, 'ps', '--all', '--no-trunc'];
  const seen = [await tryProgram('timeout', list), await tryProgram('tail', ['-n', '40', logOf(server)])];
  for (const [file, ...argv] of looks)
    seen.push(await server.run(file, argv).catch((error: Error) => error.message));
  return [`== ${server.name}`, ...seen.map((look) => look ?? 'no answer')].join('\n');
}

function logOf({ folder }: TestServer): string {
  return join(folder, 'dockerd.log');
}
