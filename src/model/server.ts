/** A machine of the fleet, as deploy.config.json names it. */
export type Server = LocalServer | SshServer;

export type LocalServer = {
  readonly name: string;
  readonly kind: 'local';
  /** Where the load balancer reaches its containers. */
  readonly address: string;
  readonly roles: readonly string[];
};

export type SshServer = {
  readonly name: string;
  readonly kind: 'ssh';
  readonly user: string;
  readonly host: string;
  readonly port: number;
  /** Path of the private key file. */
  readonly identity: string;
  /** `SHA256:…` pinned in the file; otherwise the ledger's pin made by `hawser servers:trust`. */
  readonly hostKey: string | null;
  /** Name of the server to jump through. */
  readonly via: string | null;
  readonly address: string;
  readonly roles: readonly string[];
};

/** The servers that names and roles mean, in their own order; null means every one. */
export function chooseServers(
  words: readonly string[] | null,
  servers: readonly Server[],
): readonly string[] {
  return servers
    .filter(
      (server) =>
        words === null || words.includes(server.name) || server.roles.some((role) => words.includes(role)),
    )
    .map((server) => server.name);
}
