import { readFile } from 'node:fs/promises';
import { Failure } from '../../failure.ts';
import { ensureIdentity } from '../../fleet/identity.ts';
import type { SshServer } from '../../model/server.ts';
import { createInvitation, readInvitation } from '../../store/access/invitations.ts';
import { type Admission, admitServer, defaultIdentity, describeFailed } from '../admit-server.ts';
import type { ApiDesk } from '../desk.ts';
import { nothing } from '../input.ts';
import { drainBody, inviteBody, joinBody, lookBody, newServer, removeQuery } from '../input-servers.ts';
import { type Route, route } from '../route.ts';
import { formatUserData } from '../user-data.ts';

/** Servers come and go while the installation runs. */
export const serverChangeRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/servers/host-key',
    scope: 'installation',
    right: 'admin',
    title: 'The host key of a machine that is to become a server; nothing else is said to it',
    query: nothing,
    body: lookBody,
    async answer({ desk, body, signal }) {
      const server = toServer(desk, { ...body, name: body.ssh.host, roles: [] });
      return { json: { fingerprint: await desk.fleet.readHostKey(server, signal) } };
    },
  }),
  route({
    method: 'POST',
    path: '/servers',
    scope: 'installation',
    right: 'admin',
    title: 'Examines a machine and adds it as a server when nothing is missing',
    query: nothing,
    body: newServer,
    async answer({ desk, body, actor, signal }) {
      const { fingerprint, bootstrap, plan } = body;
      const answer = await admitServer(
        desk,
        {
          server: toServer(desk, body),
          fingerprint,
          bootstrap: bootstrap ? (plan ? 'plan' : 'yes') : 'no',
          actor: actor.name,
          invitation: null,
          record: !plan,
        },
        signal,
      );
      return { status: answer.added ? 201 : 200, json: answer };
    },
  }),
  route({
    method: 'DELETE',
    path: '/servers/:server',
    scope: 'installation',
    right: 'admin',
    title: 'Forgets a server that is drained and empty; force: whatever its state',
    query: removeQuery,
    body: nothing,
    async answer({ desk, params, query, actor }) {
      const name = params.server ?? '';
      await desk.servers.remove(name, { force: query.force, actor: actor.name });
      return { json: { name, removed: true } };
    },
  }),
  route({
    method: 'POST',
    path: '/servers/:server/drain',
    scope: 'installation',
    right: 'admin',
    title: 'Takes a server out: what it runs is moved or leaves the rotation, then ends',
    query: nothing,
    body: drainBody,
    async answer({ desk, params, body, actor }) {
      const name = params.server ?? '';
      await desk.servers.drain(name, body.reason ?? '', actor.name);
      return { status: 202, json: { name, drained: true } };
    },
  }),
  route({
    method: 'DELETE',
    path: '/servers/:server/drain',
    scope: 'installation',
    right: 'admin',
    title: 'Takes a drained server into use again',
    query: nothing,
    body: nothing,
    async answer({ desk, params, actor }) {
      const name = params.server ?? '';
      const ended = await desk.servers.undrain(name, actor.name);
      return { status: 202, json: { name, drained: false, changed: ended } };
    },
  }),
  route({
    method: 'POST',
    path: '/servers/invitations',
    scope: 'installation',
    right: 'admin',
    title: 'A token with which one fresh machine may become a server, and what cloud-init needs for that',
    query: nothing,
    body: inviteBody,
    shownOnce: true,
    async answer({ desk, body, actor }) {
      const { db, config } = desk;
      const wanted = { roles: body.roles, forMs: body.minutes * 60_000, actor: actor.name };
      const publicKey = await readPublicKey(defaultIdentity(desk));
      const made = await createInvitation(db, wanted);
      const userData = formatUserData({ url: config.url, token: made.token, publicKey });
      return { status: 201, json: { ...made, publicKey, url: config.url, userData } };
    },
  }),
  route({
    method: 'POST',
    path: '/servers/join',
    scope: 'open',
    right: null,
    title: 'A machine announces itself with an invitation, as often as it takes until nothing is missing',
    query: nothing,
    body: joinBody,
    async answer({ desk, body, signal }) {
      const { token, name, user, address, port, hostKey } = body;
      const invitation = await readInvitation(desk.db, token, name);
      if (invitation.used_by === name) return { status: 201, json: { name, added: true, findings: [] } };
      const roles = invitation.roles.split(',').filter((role) => role !== '');
      const ssh = { user, host: address, port };
      const admission = await admitServer(
        desk,
        {
          server: toServer(desk, { name, ssh, address, roles }),
          fingerprint: hostKey,
          bootstrap: 'no',
          actor: `invitation of ${invitation.created_by}`,
          invitation: invitation.hash,
          record: true,
        },
        signal,
      );
      return { status: 201, json: { name, ...requireAdded(admission) } };
    },
  }),
];

type WrittenServer = {
  readonly name: string;
  readonly ssh: { readonly user?: string | undefined; readonly host: string; readonly port: number };
  readonly roles: readonly string[];
  readonly address?: string | undefined;
  readonly identity?: string | undefined;
  readonly via?: string | undefined;
};

function toServer(desk: ApiDesk, { name, ssh, roles, address, identity, via }: WrittenServer): SshServer {
  return {
    name,
    kind: 'ssh',
    user: ssh.user ?? '',
    host: ssh.host,
    port: ssh.port,
    identity: identity ?? defaultIdentity(desk),
    // Its pin is in the ledger, where servers:trust can change it.
    hostKey: null,
    via: via ?? null,
    address: address ?? ssh.host,
    roles,
  };
}

/** The machine reads only a status and a sentence. Throws `server_not_fit`. */
function requireAdded(admission: Admission): Admission {
  if (admission.added) return admission;
  throw new Failure('server_not_fit', describeFailed(admission.findings));
}

/** The key pair is made where there is none. Throws `public_key_missing` where somebody put only half of one. */
async function readPublicKey(identity: string): Promise<string> {
  await ensureIdentity(identity);
  try {
    return (await readFile(`${identity}.pub`, 'utf8')).trim();
  } catch (error) {
    throw new Failure('public_key_missing', `${identity}.pub cannot be read.`, { cause: error });
  }
}
