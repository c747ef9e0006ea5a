import type { Generated } from 'kysely';
import type { Run } from '../model/run.ts';

/** What came from outside and went there: who asked for what, what forges told and what people were told. */
export type OutsideTables = {
  /** Who did what: a chain, each entry with the hash of the one before. Triggers refuse every change of it. */
  audit: {
    seq: number;
    at: string;
    actor_kind: string;
    actor: string;
    door: string;
    address: string;
    action: string;
    app: string | null;
    env: string | null;
    object: string | null;
    outcome: string;
    code: string | null;
    count: number;
    previous: string;
    hash: string;
  };
  /** Ends of what was cut off the chain when it was out of retention. */
  audit_cuts: { seq: number; hash: string; cut_at: string };
  /** Webhooks of forges; `secret`, `token` and `private_key` are read and written by store/webhooks.ts alone. */
  webhooks: {
    id: string;
    app_id: string;
    forge: string;
    repository: string;
    branches: string;
    secret: string;
    token: string | null;
    public_key: string | null;
    private_key: string | null;
    poll_ms: number | null;
    polled_ms: Generated<number>;
    created_at: string;
    created_by: string;
  };
  /** What forges sent, by their own ids, with the answer that each got. */
  hook_deliveries: { webhook_id: string; delivery: string; answer: string; received_at: string };
  /** Refs that a forge told of, until they are fetched and pushed. */
  hook_pushes: {
    id: Generated<number>;
    webhook_id: string;
    delivery: string;
    ref: string;
    commit_oid: string | null;
    state: string;
    attempts: number;
    next_ms: number;
    deploy_id: number | null;
    code: string | null;
    detail: string | null;
    /** The status that the forge was told of its commit last, and how often that was tried. */
    reported: Generated<string>;
    reports: Generated<number>;
    received_at: string;
    ended_at: string | null;
  };
  /** To whom it is told what happens; `target` and `secret` are read and written by store/notifications.ts alone. */
  notifications: {
    id: string;
    kind: string;
    target: string;
    secret: string | null;
    events: string;
    app_id: string | null;
    created_at: string;
    created_by: string;
  };
  /** What happened and is not told yet; triggers write it with the change. */
  happenings: {
    id: Generated<number>;
    event: string;
    deploy_id: number | null;
    server: string | null;
    detail: string | null;
  };
  /** One message to one receiver, until it was taken or given up. */
  notices: {
    id: string;
    notification_id: string;
    message: string;
    state: string;
    attempts: Generated<number>;
    next_ms: number;
    status: number | null;
    answer: string | null;
    created_at: string;
    ended_at: string | null;
  };
  /** One-off commands; `command` and `output` are JSON, without what is known to be a secret. */
  runs: {
    id: Generated<number>;
    environment_id: string;
    version: number;
    server: string;
    container: string;
    inside: Generated<number>;
    actor: string;
    command: string;
    attached: number;
    state: Run['state'];
    held_ms: number | null;
    ends_ms: number;
    stop: Run['stop'];
    outcome: Run['outcome'];
    exit_code: number | null;
    detail: string | null;
    output: string | null;
    created_at: string;
    started_at: string | null;
    ended_at: string | null;
  };
  /** Servers as they were seen last: how many looks in a row found nobody. */
  reached: { server: string; lost_looks: number };
};
