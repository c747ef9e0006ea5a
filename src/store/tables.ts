import type { Generated } from 'kysely';
import type { DeployHold, DeployKind, DeployState } from '../model/deploy.ts';
import type { OutsideTables } from './tables-outside.ts';

/** The ledger's rows. Structured values are JSON text; times are ISO 8601 text, for display only. */
export type Tables = OutsideTables & {
  apps: {
    id: string;
    name: string;
    created_at: string;
    created_by: string;
    destroyed_at: string | null;
    /** What its repository takes on disk. */
    bytes: Generated<number>;
    /** JSON; kept as long as the app is there, since containers may run under them. */
    former_names: Generated<string>;
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
    /** Text of the page that is shown instead of the app; null when it is not in maintenance. */
    maintenance: string | null;
    /** 1 while requests are held because nothing may run for a moment. */
    holding: Generated<number>;
    /** The branch that a preview follows; null for environments of the file. */
    branch: string | null;
    destroyed_at: string | null;
  };
  /** What people set of an environment: variables and numbers of processes; each release has its own copy. */
  settings: {
    environment_id: string;
    vars: string;
    scale: string;
    stopped: Generated<string>;
    revision: Generated<number>;
    sealed_by: Generated<number>;
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
    /** What it waits for until a person decides; the lanes pass it over meanwhile. */
    hold: DeployHold | null;
    /** How far a rollout in steps has come, JSON. */
    plan: string | null;
    sealed_by: Generated<number>;
    created_at: string;
    started_at: string | null;
    ended_at: string | null;
  };
  releases: {
    id: Generated<number>;
    environment_id: string;
    /** The app's name when it was made: its containers are called by it. */
    app: Generated<string>;
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
    /** The variables that the app itself brought, without those that people set. */
    defaults: Generated<string>;
    /** Of the variables those that were read from outside, and where from. */
    outside: Generated<string>;
    domains: Generated<string>;
    /** The deploy that decided on the image: changes of config carry it on. Order is by this number. */
    image_deploy_id: Generated<number>;
    /** The release of another environment whose image this is. */
    promoted_from: number | null;
    sealed_by: Generated<number>;
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
    env: string | null;
    rights: string;
    user_id: string | null;
    created_at: string;
    created_by: string;
    expires_at: string | null;
    revoked_at: string | null;
    last_used_on: string | null;
  };
  /** Public keys that may come in over SSH; the blob is base64. */
  keys: {
    id: string;
    fingerprint: string;
    blob: string;
    name: string;
    app_id: string | null;
    env: string | null;
    rights: string;
    user_id: string | null;
    created_at: string;
    created_by: string;
    expires_at: string | null;
    revoked_at: string | null;
    last_used_on: string | null;
  };
  users: {
    id: string;
    name: string;
    /** Of the password; null until an invitation is accepted. */
    hash: string | null;
    is_owner: 0 | 1;
    totp: string | null;
    /** A secret of which no code was shown yet. */
    totp_wanted: string | null;
    /** The last step whose code was used. */
    totp_step: number;
    created_at: string;
    created_by: string;
    disabled_at: string | null;
  };
  recovery_codes: { user_id: string; hash: string };
  /** `app_id` and `env` are empty for all of them. */
  grants: {
    user_id: string;
    app_id: string;
    env: string;
    role: 'viewer' | 'developer' | 'deployer' | 'admin';
    given_by: string;
    given_at: string;
  };
  sessions: {
    id: string;
    hash: string;
    user_id: string;
    created_at: string;
    used_at: string;
    expires_at: string;
  };
  /** One-time tokens: of the first start, and of invitations. */
  claims: {
    hash: string;
    purpose: 'setup' | 'invitation';
    user_id: string | null;
    created_by: string;
    created_at: string;
    expires_at: string;
    used_at: string | null;
  };
  pins: { server: string; fingerprint: string; trusted_at: string; trusted_by: string };
  approvals: {
    deploy_id: number;
    environment_id: string;
    asked_by: string;
    asked_at: string;
    decision: 'granted' | 'denied' | null;
    decided_by: string | null;
    decided_at: string | null;
    reason: string | null;
  };
  /** Times in which nothing is deployed; no app means all, no env means every environment. */
  freezes: {
    id: Generated<number>;
    app_id: string | null;
    env: string | null;
    window: string;
    zone: string;
    reason: string;
    created_by: string;
    created_at: string;
  };
  /** `env` is empty when the whole app is locked. */
  locks: {
    app_id: string;
    env: string;
    message: string;
    locked_by: string;
    locked_at: string;
    expires_at: string | null;
  };
  /** What people did that is no deploy: overrides, decisions, settings. Only ever appended to. */
  events: {
    id: Generated<number>;
    at: string;
    actor: string;
    action: string;
    app_id: string | null;
    env: string | null;
    detail: string;
  };
  /** Writes with an Idempotency-Key; `id` is a hash of whose key it is and the key. */
  idempotency: {
    id: string;
    actor: string;
    request: string;
    body_hash: string;
    /** `acted` when the change is there and its answer is not yet. */
    state: 'begun' | 'acted' | 'done';
    /** Which run of the server began it: one that is gone never ends it. */
    boot: string;
    status: number | null;
    answer: string | null;
    begun_at: string;
  };
  /** Servers that were added while it ran; those of deploy.config.json come before them. */
  servers: { name: string; position: number; spec: string; added_by: string; added_at: string };
  /** Servers that get nothing new and lose what they have. */
  drains: { server: string; reason: string; drained_by: string; drained_at: string };
  invitations: {
    hash: string;
    roles: string;
    created_by: string;
    created_at: string;
    expires_at: string;
    used_by: string | null;
  };
  /** Keys that values are sealed under, each wrapped by a master key, which is not here. */
  data_keys: { id: number; master: string; wrapped: string; created_at: string };
  leases: { key: string; holder: string; epoch: number; boot: string; seen_ms: number };
};
