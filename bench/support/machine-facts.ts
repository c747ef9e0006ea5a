import { cpus, loadavg, release, totalmem } from 'node:os';
import { runProgram } from '../../test/support/program.ts';

/** What the figures depend on. */
export type MachineFacts = Readonly<Record<string, string | number>>;

export async function readMachineFacts(): Promise<MachineFacts> {
  const [docker, git, ssh, haproxy] = await Promise.all([
    runProgram('docker', ['version', '--format', '{{.Server.Version}}']),
    runProgram('git', ['--version']),
    runProgram('sh', ['-c', 'ssh -V 2>&1']),
    runProgram('haproxy', ['-v']),
  ]);
  return {
    measuredAt: new Date().toISOString(),
    cpus: cpus().length,
    cpu: cpus()[0]?.model ?? 'unknown',
    memoryGb: Math.round(totalmem() / 2 ** 30),
    loadBefore: Math.round((loadavg()[0] ?? 0) * 10) / 10,
    kernel: release(),
    node: process.version,
    docker: docker.trim(),
    git: git.trim(),
    ssh: ssh.trim(),
    haproxy: haproxy.split('\n')[0] ?? '',
  };
}
