import type { Actor } from '../../model/access.ts';
import type { MayPush, PushedApp } from '../push.ts';

/** Let in, with the right in one environment at least. */
export type EnteredApp = {
  readonly app: PushedApp;
  readonly actor: string;
  readonly actorKind: string;
  readonly mayPush: MayPush;
};

/** Who may push to and fetch from which app, whatever they come with. */
export type GitDoor = {
  /** Who a password stands for. Throws Failure token_* (401). */
  identify(credentials: { username: string; password: string } | null): Promise<Actor>;
  /** Whose key this is, now; null for a stranger. `entering` notes that its holder came in. */
  recognize(blob: Buffer, entering: boolean): Promise<Actor | null>;
  /**
   * Resolves the app and checks the right before any disk access; throws Failure not_allowed (403) and
   * app_not_found (404, same text when one may not see it). May create the app (right 'push') when the actor may.
   */
  enter(actor: Actor, appName: string, right: 'push' | 'read'): Promise<EnteredApp>;
  /** What somebody is told who came in and asked for nothing. */
  greet(actor: Actor): Promise<string>;
};
