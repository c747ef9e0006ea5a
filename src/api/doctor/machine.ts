import { execFile } from 'node:child_process';
import { statfs } from 'node:fs/promises';
import { promisify } from 'node:util';
import { readExpiry } from '../../config/certificate.ts';
import type { Config } from '../../config.ts';
import { failureCatalogue } from '../../failure-catalogue.ts';
import { readFingerprint } from '../../receive/ssh/host-key.ts';
import type { ApiDesk } from '../desk.ts';
import { type Finding, failed, look, ok } from './finding.ts';

const run = promisify(execFile);
const oldestGit = [2, 36] as const;

/** What is well and what is not on the server's own machine, its servers left out. */
export async function examineMachine(desk: ApiDesk): Promise<readonly Finding[]> {
  const { config } = desk;
  return Promise.all([
    look('config', () => examineConfig(desk)),
    look('git', examineGit),
    look('disk', () => examineDisk(config)),
    look('ssh', () => examineSsh(config)),
    ...examineTls(config),
    ...(await examineParts(desk)),
  ]);
}

async function examineConfig(desk: ApiDesk): Promise<Finding> {
  const lines = await desk.planApply();
  const detail =
    lines.length === 0
      ? `${desk.config.file} is what runs`
      : `${desk.config.file} is valid and differs from what runs in ${lines.length} lines (hawser apply --plan)`;
  return ok('config', detail);
}

/** Receiving needs `proc-receive` and the fsync settings of git 2.36. */
async function examineGit(): Promise<Finding> {
  const { stdout } = await run('git', ['--version'], { timeout: 5_000 });
  const found = /(\d+)\.(\d+)(?:\.\d+)*/.exec(stdout);
  const [major, minor] = [Number(found?.[1] ?? 0), Number(found?.[2] ?? 0)];
  const wanted = oldestGit.join('.');
  if (major > oldestGit[0] || (major === oldestGit[0] && minor >= oldestGit[1])) {
    return ok('git', `${found?.[0]} (${wanted} or newer is needed)`);
  }
  return failed('git', `${stdout.trim()} is older than ${wanted}`, `Install git ${wanted} or newer.`);
}

async function examineDisk({ data, limits }: Config): Promise<Finding> {
  const { bavail, blocks, bsize } = await statfs(data);
  const free = bavail * bsize;
  const detail = `${inGb(free)} of ${inGb(blocks * bsize)} free at ${data} (limits.diskFloor is ${inGb(limits.diskFloor)})`;
  return free >= limits.diskFloor
    ? ok('disk', detail)
    : failed('disk', detail, failureCatalogue.server_disk_low.fix);
}

/** The key by which clients know this server: they compare it when they come for the first time. */
async function examineSsh({ data, listen }: Config): Promise<Finding> {
  const fingerprint = await readFingerprint(data);
  const place = `git over SSH on ${listen.ssh.host}:${listen.ssh.port}`;
  return fingerprint === null
    ? failed('ssh', `${place} has no host key`, 'Start hawser server: it makes one.')
    : ok('ssh', `${place}, host key ${fingerprint}`);
}

const warnDays = 14;

/** A certificate that has run out stops nobody from starting, so it is told here. */
function examineTls({ listen }: Config): readonly Promise<Finding>[] {
  const { tls } = listen;
  if (tls === null) return [];
  return [
    look('tls', async () => {
      const until = readExpiry(tls.cert);
      const days = Math.floor((until.getTime() - Date.now()) / 86_400_000);
      const detail = `${tls.cert} is valid until ${until.toISOString().slice(0, 10)}`;
      return days >= warnDays
        ? ok('tls', detail)
        : failed('tls', detail, 'Renew it; it is read again at once.');
    }),
  ];
}

const fixes: Readonly<Record<string, string>> = {
  ledger: failureCatalogue.ledger_broken.fix,
  redis:
    'Start Redis with maxmemory-policy noeviction and appendonly yes; hawser up does so for the embedded one.',
  registry: failureCatalogue.registry_unreachable.fix,
  loadBalancer: 'Start the load balancer; hawser up does so for the embedded one, whose log is in data/logs.',
};

/** What `/readyz` asks, each with its next step. */
async function examineParts(desk: ApiDesk): Promise<readonly Promise<Finding>[]> {
  const parts = await desk.readiness();
  return parts.map(async ({ name, ok: well, detail }) =>
    well ? ok(name, detail) : failed(name, detail, fixes[name] ?? 'See the log of the server.'),
  );
}

export function inGb(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GB`;
}
