import type { Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import type { App } from '../model/app.ts';
import type { Webhook } from '../model/webhook.ts';
import { spawnGit, watchGit } from '../receive/git/process.ts';
import type { GitRuns } from '../receive/git/runs.ts';
import { flushPacket, packetText, parsePackets, serializePacket } from '../receive/packet.ts';
import { zeroOid } from '../receive/plan.ts';

export type HookPushWish = {
  readonly app: Pick<App, 'id' | 'name'>;
  readonly webhook: Pick<Webhook, 'id' | 'forge'>;
  readonly ref: string;
  readonly old: string;
  /** Null deletes the ref. */
  readonly commit: string | null;
  /** Repository that has the commit. */
  readonly from: string;
  readonly signal: AbortSignal;
};

/** How a push ended: taken, or refused with a code and a reason. */
export type HookPushed =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: string; readonly detail: string };

const mostSaid = 64 * 1024;

/** Pushes what was fetched as any client would: the same git, the same hooks, the same checks. */
export async function pushFetched(wish: HookPushWish, runs: GitRuns): Promise<HookPushed> {
  await runs.admit('receive-pack');
  let said: HookPushed = { ok: false, code: 'git_failed', detail: 'git said nothing' };
  await runs.run({
    app: wish.app,
    actor: `webhook ${wish.webhook.id} (${wish.webhook.forge})`,
    actorKind: 'webhook',
    // Whoever made the webhook may do everything with the app.
    mayPush: () => true,
    origin: { door: 'webhook', address: '' },
    service: 'receive-pack',
    protocol: null,
    stateless: true,
    gone: wish.signal,
    async exchange({ child }) {
      const [end, report] = await Promise.all([
        watchGit(child, mostSaid),
        buffer(child.stdout),
        send(wish, child.stdin),
      ]);
      said = readReport(report, end.stderr);
      return end;
    },
  });
  return said;
}

/** One command, one option and a pack, as in gitprotocol-pack. */
async function send({ ref, old, commit, from }: HookPushWish, input: Writable): Promise<void> {
  const command = `${old} ${commit ?? zeroOid} ${ref}\0report-status push-options agent=hawser`;
  input.write(
    Buffer.concat([serializePacket(command), flushPacket, serializePacket('no-wait'), flushPacket]),
  );
  if (commit === null) {
    input.end();
    return;
  }
  const pack = spawnGit([
    '--git-dir',
    from,
    'pack-objects',
    '--stdout',
    '--revs',
    '--thin',
    '--quiet',
    '--delta-base-offset',
  ]);
  const ended = watchGit(pack);
  pack.stdin.end(`${commit}\n${old === zeroOid ? '' : `^${old}\n`}`);
  // The report says what a broken pack means, but not that no git could be started.
  await Promise.all([ended, pipeline(pack.stdout, input).catch(() => undefined)]);
}

/** `unpack ok` and `ok REF`, or `ng REF reason`; the hooks say the code on the error output. */
function readReport(stdout: Buffer, stderr: string): HookPushed {
  const lines = parsePackets(stdout).packets.map(packetText);
  if (lines.some((line) => line.startsWith('ok '))) return { ok: true };
  const [, code = 'git_failed', message] = /error\[([a-z_]+)\]: (.*)/.exec(stderr) ?? [];
  const reason = lines.find((line) => line.startsWith('ng '))?.replace(/^ng \S+ /, '');
  const unpack = lines.find((line) => line.startsWith('unpack '));
  return { ok: false, code, detail: (message ?? reason ?? unpack ?? stderr.trim()).slice(0, 500) };
}
