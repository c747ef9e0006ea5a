import type { Generated } from 'kysely';
import type { DeployKind, DeployState } from '../model/deploy.ts';

/** The ledger's rows. Structured values are JSON text; times are ISO 8601 text, for display only. */
export type Tables = {
  apps: {
    id: string;
    name: string;
    created_at: string;
    created_by: string;
    destroyed_at: string | null;
  };
  environments: {
    id: string;
    app_id: string;
    name: string;
    slot: number;
    epoch: number;
    last_version: number;
    current_release_id: number | null;
    created_at: string;
  };
  deploy_ids: { id: Generated<number> };
  sources: {
    id: Generated<number>;
    app_id: string;
    ref: string;
    commit_oid: string;
    previous_oid: string;
    author: string;
    message: string;
    actor: string;
    created_at: string;
  };
  deploys: {
    id: number;
    environment_id: string;
    kind: DeployKind;
    state: DeployState;
    source_id: number | null;
    from_release_id: number | null;
    release_id: number | null;
    epoch: number;
    options: string;
    actor: string;
    stop_request: 'cancelled' | 'superseded' | null;
    failure_code: string | null;
    failure_message: string | null;
    failure_fix: string | null;
    /** The point of no return: the new release has all the traffic. */
    switched_at: string | null;
    created_at: string;
    started_at: string | null;
    ended_at: string | null;
  };
  releases: {
    id: Generated<number>;
    environment_id: string;
    version: number;
    repository: string;
    digest: string;
    config: string;
    processes: string;
    release_command: string | null;
    port: number;
    health: string | null;
    resources: string;
    commit_oid: string | null;
    author: string | null;
    message: string | null;
    actor: string;
    deploy_id: number;
    rollback_of: number | null;
    went_live_at: string | null;
    created_at: string;
  };
  containers: {
    name: string;
    server: string;
    environment_id: string;
    release_id: number;
    process: string;
    idx: number;
    port: number | null;
    deploy_id: number;
    epoch: number;
  };
  backends: {
    environment_id: string;
    name: string;
    server: string;
    address: string;
    weight: number;
  };
  domains: { domain: string; environment_id: string };
  steps: {
    deploy_id: number;
    name: string;
    epoch: number;
    outcome: 'begun' | 'done' | 'failed';
    detail: string | null;
    begun_at: string;
    ended_at: string | null;
  };
  journals: { deploy_id: number; bytes: number };
  tokens: {
    id: string;
    hash: string;
    name: string;
    app_id: string | null;
    rights: string;
    created_at: string;
    created_by: string;
    expires_at: string | null;
    revoked_at: string | null;
    last_used_on: string | null;
  };
  pins: { server: string; fingerprint: string; trusted_at: string; trusted_by: string };
  leases: { key: string; holder: string; epoch: number; boot: string; seen_ms: number };
};
