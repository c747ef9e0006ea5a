export const noticeKinds = ['json', 'slack', 'discord', 'mail'] as const;
export type NoticeKind = (typeof noticeKinds)[number];

export const noticeEvents = [
  'deploy.live',
  'deploy.failed',
  'deploy.rolled_back',
  'approval.needed',
  'server.lost',
  'server.back',
] as const;
export type NoticeEvent = (typeof noticeEvents)[number];

/** Somebody who is told what happens. */
export type Notification = {
  readonly id: string;
  readonly kind: NoticeKind;
  /** The host alone: for some receivers the rest of the URL is the secret. Of mail the whole address. */
  readonly host: string;
  readonly events: readonly NoticeEvent[];
  /** Null for every app. */
  readonly appId: string | null;
  /** Names, of a receiver that deploy.config.json names; null for all. */
  readonly apps: readonly string[] | null;
  readonly environments: readonly string[] | null;
  /** Null of what deploy.config.json names. */
  readonly createdAt: string | null;
  readonly createdBy: string;
};

/** What happened, as far as it decides who is told. */
export type ToldPlace = { readonly appId: string | null; readonly app?: string; readonly env?: string };

/** Whether somebody wants to hear of it. Who asked for some apps or environments hears of nothing else. Pure. */
export function wantsNotice(
  { events, appId, apps, environments }: Pick<Notification, 'events' | 'appId' | 'apps' | 'environments'>,
  event: NoticeEvent,
  told: ToldPlace,
): boolean {
  return (
    events.includes(event) &&
    (appId === null || appId === told.appId) &&
    (apps === null || apps.includes(told.app ?? '')) &&
    (environments === null || environments.includes(told.env ?? ''))
  );
}

/** What is told, without a secret; fields are those of the event. */
export type NoticeMessage = {
  readonly type: NoticeEvent | 'test';
  readonly timestamp: string;
  readonly data: {
    readonly text: string;
    readonly app?: string;
    readonly env?: string;
    readonly deploy?: number;
    /** Number of the release that the deploy made. */
    readonly release?: number | null;
    readonly commit?: string | null;
    /** Branch or tag that was pushed, and what its commit says: written by whoever may push. */
    readonly ref?: string | null;
    readonly author?: string | null;
    readonly change?: string | null;
    readonly actor?: string;
    readonly failure?: { readonly code: string; readonly message: string } | null;
    readonly server?: string;
  };
};

export type Notice = {
  readonly id: string;
  readonly notificationId: string;
  readonly message: NoticeMessage;
  readonly state: 'waiting' | 'sent' | 'failed';
  readonly attempts: number;
  /** Of the last answer; null when there was none. */
  readonly status: number | null;
  readonly answer: string | null;
  readonly createdAt: string;
  readonly endedAt: string | null;
};
