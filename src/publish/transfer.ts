import { Failure } from '../failure.ts';
import { readMessages } from '../fleet/messages.ts';

/** One message of the engine while it pushes or pulls. */
type TransferMessage = {
  readonly status?: string;
  readonly id?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
  readonly error?: string;
  readonly aux?: { readonly Digest?: string };
};

export type Transfer = {
  /** `sha256:…`, as the registry answered. */
  readonly digest: string | null;
  /** Uncompressed bytes of layers that the other side did not have. */
  readonly newBytes: number;
};

/** Reads a push or pull to its end. Throws the Failure that the engine's words mean. */
export async function readTransfer(answer: NodeJS.ReadableStream, what: string): Promise<Transfer> {
  const sizes = new Map<string, number>();
  let digest: string | null = null;
  let newBytes = 0;
  for await (const message of readMessages<TransferMessage>(answer)) {
    const { status, id = '', progressDetail, error, aux } = message;
    if (error !== undefined) throw explainTransfer(error, what);
    if (aux?.Digest) digest = aux.Digest;
    const bytes = Math.max(progressDetail?.total ?? 0, progressDetail?.current ?? 0);
    sizes.set(id, Math.max(bytes, sizes.get(id) ?? 0));
    if (status === 'Pushed') newBytes += sizes.get(id) ?? 0;
  }
  return { digest, newBytes };
}

const kinds = [
  ['registry_full', /no space left on device|insufficient storage|\b507\b/i],
  [
    'registry_denied',
    /unauthorized|authentication required|no basic auth|denied|incorrect username|forbidden|\b40[13]\b/i,
  ],
  [
    'image_not_in_registry',
    /manifest unknown|manifest for .* not found|not found: manifest|name unknown|blob unknown/i,
  ],
  [
    'registry_unreachable',
    /connection refused|connection reset|no such host|i\/o timeout|timeout|EOF|network is unreachable|no route to host|server misbehaving|bad gateway|service unavailable|\b50[234]\b|TLS handshake/i,
  ],
] as const;

/** What the engine's words about a registry mean. Pure. */
export function explainTransfer(said: string, what: string): Failure {
  const kind = kinds.find(([, pattern]) => pattern.test(said));
  return new Failure(kind?.[0] ?? 'registry_failed', `${what}: ${said.trim()}`);
}
