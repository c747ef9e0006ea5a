/** Who sends: the forges whose words we know, and any other that can sign. */
export const forges = ['github', 'gitlab', 'gitea', 'bitbucket', 'generic'] as const;
export type Forge = (typeof forges)[number];

/** A webhook of an app, without its secrets. */
export type Webhook = {
  readonly id: string;
  readonly appId: string;
  readonly forge: Forge;
  /** What is fetched from; no credential is in it. */
  readonly repository: string;
  /** Branches alone that it deploys; empty for all that an environment takes. */
  readonly branches: readonly string[];
  /** Looks for new commits by itself this often; null waits to be told. */
  readonly pollMs: number | null;
  /** Line of the public key that fetches over SSH; null when there is none. */
  readonly publicKey: string | null;
  readonly hasToken: boolean;
  readonly createdAt: string;
  readonly createdBy: string;
};

/** What a forge says of one ref; no commit when it was deleted. */
export type ForgeUpdate = { readonly ref: string; readonly commit: string | null };

export type ForgeEvent =
  | { readonly kind: 'ping' }
  | { readonly kind: 'push'; readonly repository: string | null; readonly updates: readonly ForgeUpdate[] }
  | { readonly kind: 'other'; readonly why: string };

/** A ref that is fetched and deployed after a forge told of it. */
export type HookPush = {
  readonly id: number;
  readonly webhookId: string;
  readonly delivery: string;
  readonly ref: string;
  readonly commit: string | null;
  readonly state: HookPushState;
  readonly attempts: number;
  readonly deployId: number | null;
  readonly code: string | null;
  readonly detail: string | null;
  readonly receivedAt: string;
  readonly endedAt: string | null;
};

export type HookPushState = 'waiting' | 'deployed' | 'unchanged' | 'refused' | 'failed';

/** Stands for what a branch is at now, whatever that is. */
export const anyCommit: string = 'f'.repeat(40);

/** `owner/name` of a repository's URL; null when a "%" in it stands for no character. */
export function readRepositoryPath(url: string): string | null {
  try {
    return decodeURIComponent(new URL(url).pathname).replace(/^\/+|(?:\.git)?\/*$/g, '');
  } catch {
    // Not the bytes of UTF-8.
    return null;
  }
}
