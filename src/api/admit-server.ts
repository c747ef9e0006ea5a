import { join } from 'node:path';
import { performBootstrap, planBootstrapOf, showCommand } from '../fleet/bootstrap.ts';
import type { Visit } from '../fleet/fleet.ts';
import type { SshServer } from '../model/server.ts';
import type { ApiDesk } from './desk.ts';
import { examineEngine } from './doctor/engine.ts';
import { type Finding, look, ok } from './doctor/finding.ts';

const examineMs = 30_000;
const bootstrapMs = 10 * 60_000;

export type Candidate = {
  readonly server: SshServer;
  readonly fingerprint: string;
  readonly bootstrap: 'no' | 'plan' | 'yes';
  readonly actor: string;
  /** Hash of the invitation that it came with. */
  readonly invitation: string | null;
  /** False to look only. */
  readonly record: boolean;
};

export type Admission = {
  readonly added: boolean;
  readonly findings: readonly Finding[];
  /** What a bootstrap runs there, or would run. */
  readonly commands: readonly string[];
};

/** The private key with which this installation enters its servers. */
export function defaultIdentity({ config }: Pick<ApiDesk, 'config'>): string {
  return join(config.data, 'keys', 'id_ed25519');
}

/**
 * Examines a machine and adds it when nothing is missing: then every environment that uses it converges. One with a
 * failed finding is not recorded. Throws what `ServerDesk.add` throws, and `bootstrap_failed`.
 */
export async function admitServer(
  desk: ApiDesk,
  candidate: Candidate,
  asked: AbortSignal,
): Promise<Admission> {
  const { server, fingerprint, actor, invitation } = candidate;
  await desk.servers.refuseTwin(server);
  const { commands, findings: broken } = await bootstrap(desk, candidate, asked);
  if (candidate.bootstrap === 'plan') return { added: false, findings: broken, commands };
  const findings = broken.length > 0 ? broken : await examine(desk, candidate, asked);
  const fit = findings.every(({ state }) => state !== 'failed');
  if (!fit || !candidate.record) return { added: false, findings, commands };
  await desk.servers.add({ server, fingerprint, actor, invitation });
  return { added: true, findings, commands };
}

/** In a connection of its own: a user is in a new group only from the next one on. */
async function bootstrap(
  { fleet }: ApiDesk,
  { server, fingerprint, bootstrap: wish }: Candidate,
  asked: AbortSignal,
): Promise<Omit<Admission, 'added'>> {
  if (wish === 'no') return { commands: [], findings: [] };
  const signal = AbortSignal.any([asked, AbortSignal.timeout(bootstrapMs)]);
  let commands: readonly (readonly string[])[] = [];
  const check = `${server.name}: bootstrap`;
  const finding = await look(check, async () => {
    await using visit = await fleet.visit(server, fingerprint, signal);
    commands = await planBootstrapOf(visit.ssh.run, server.user, signal);
    if (wish === 'yes') await performBootstrap(visit.ssh.run, commands, signal);
    return ok(check, 'done');
  });
  return { commands: commands.map(showCommand), findings: finding.state === 'failed' ? [finding] : [] };
}

async function examine(
  { fleet, config }: ApiDesk,
  { server, fingerprint }: Candidate,
  asked: AbortSignal,
): Promise<readonly Finding[]> {
  const signal = AbortSignal.any([asked, AbortSignal.timeout(examineMs)]);
  const check = `${server.name}: ssh`;
  let visit: Visit | undefined;
  const first = await look(check, async () => {
    visit = await fleet.visit(server, fingerprint, signal);
    return ok(check, `${server.user}@${server.host}:${server.port}`);
  });
  if (visit === undefined) return [first];
  await using open = visit;
  return [first, ...(await examineEngine(open.connection, config.limits.diskFloor, signal))];
}

/** The findings that keep a machine out, in one line. */
export function describeFailed(findings: readonly Finding[]): string {
  return findings
    .filter(({ state }) => state === 'failed')
    .map(({ name, detail, fix }) => `${name}: ${detail}${fix === null ? '' : ` (${fix})`}`)
    .join('; ');
}
