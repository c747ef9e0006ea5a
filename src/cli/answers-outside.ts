export type AuditAnswer = {
  readonly seq: number;
  readonly at: string;
  readonly actorKind: string;
  readonly actor: string;
  readonly door: string;
  /** Empty on the machine's own socket. */
  readonly address: string;
  readonly action: string;
  readonly app: string | null;
  readonly env: string | null;
  readonly object: string | null;
  readonly outcome: string;
  readonly code: string | null;
  readonly count: number;
};

export type AuditVerdictAnswer = {
  readonly broken: { readonly seq: number; readonly why: string } | null;
  readonly entries: number;
  readonly head: { readonly seq: number; readonly hash: string };
  readonly cut: { readonly seq: number; readonly hash: string } | null;
  readonly anchored: boolean | null;
};

export type WebhookAnswer = {
  readonly id: string;
  readonly url: string;
  readonly forge: string;
  readonly repository: string;
  readonly branches: readonly string[];
  readonly publicKey: string | null;
  readonly createdAt: string;
  readonly createdBy: string;
};

export type WebhookInfoAnswer = WebhookAnswer & {
  readonly pushes: readonly {
    readonly ref: string;
    readonly commit: string | null;
    readonly state: string;
    readonly attempts: number;
    readonly deploy: number | null;
    readonly detail: string | null;
    readonly receivedAt: string;
  }[];
};

export type NotificationAnswer = {
  readonly id: string;
  readonly kind: string;
  readonly host: string;
  readonly events: readonly string[];
  readonly apps: readonly string[] | null;
  readonly environments: readonly string[] | null;
  /** Null of those that deploy.config.json names. */
  readonly createdAt: string | null;
  readonly createdBy: string;
};

export type DeliveryAnswer = {
  readonly id: string;
  readonly event: string;
  readonly text: string;
  readonly state: string;
  readonly attempts: number;
  readonly status: number | null;
  readonly answer: string | null;
  readonly createdAt: string;
};

export type SecretsAnswer = {
  readonly file: string | null;
  readonly masters: readonly string[];
  readonly dataKey: number;
  readonly sealed: number;
  readonly older: number;
};

export type RunAnswer = {
  readonly id: number;
  readonly env: string;
  readonly release: number;
  readonly server: string;
  readonly actor: string;
  readonly command: readonly string[];
  readonly attached: boolean;
  readonly state: string;
  /** How it ended; null while it has not. */
  readonly outcome: string | null;
  readonly exitCode: number | null;
  readonly detail: string | null;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
};
