import type { z } from 'zod';
import type { Actor, Right } from '../model/access.ts';
import type { App } from '../model/app.ts';
import type { Deploy } from '../model/deploy.ts';
import type { Place } from '../store/apps.ts';
import type { ApiDesk } from './desk.ts';
import type { EventFeed } from './event-feed.ts';
import type { Streamed } from './stream.ts';

/**
 * What a route is about, found and allowed before its answer runs: `open` needs nobody, `visible` anybody who is
 * known (and answers with what that one may see), `installation` the right on all, `app` on the whole app,
 * `environment` on the one that `env` of the query or the body names, `deploy` on the one of the deploy. `app-part`
 * needs the right in some environment, and the answer asks for the one that it turns out to be about.
 */
export type Subjects = {
  open: object;
  visible: object;
  installation: object;
  app: { readonly app: App };
  'app-part': { readonly app: App };
  environment: { readonly app: App; readonly place: Place };
  deploy: { readonly deploy: Deploy; readonly place: Place };
};

export type Scope = keyof Subjects;

export type Asked<S extends Scope, Q, B> = Subjects[S] & {
  readonly desk: ApiDesk;
  readonly feed: EventFeed;
  readonly actor: Actor;
  /** Named parts of the path that are not the subject. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Q;
  readonly body: B;
  /** Where the connection comes from; never what a header says. */
  readonly address: string;
  /** Of `Last-Event-ID`, when a follower comes back. */
  readonly lastEventId: string | undefined;
  /** Of `Accept`. */
  readonly wants: 'json' | 'text' | 'events';
  /** Of `If-Match`, to change only what was seen. */
  readonly ifMatch: string | undefined;
  /** Aborts when the asker is gone or the API closes. */
  readonly signal: AbortSignal;
};

export type Answer =
  | {
      readonly status?: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly json: unknown;
    }
  | Streamed;

export type Definition<S extends Scope, Q extends z.ZodType, B extends z.ZodType> = {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Below `/api/v1`, with `:app` and `:id` for subjects. */
  readonly path: string;
  readonly scope: S;
  /** Null only for `open` routes. */
  readonly right: Right | null;
  /** Makes an environment of deploy.config.json that nothing was pushed to yet. */
  readonly ensures?: S extends 'environment' ? true : never;
  /** One line for people, also in the OpenAPI document. */
  readonly title: string;
  readonly query: Q;
  readonly body: B;
  /** Of a list that is answered whole: the fields that its order is by. It is then cut into pages. */
  readonly listBy?: readonly string[];
  /** The answer has a secret that is never shown again. */
  readonly shownOnce?: true;
  answer(asked: Asked<S, z.output<Q>, z.output<B>>): Promise<Answer>;
};

export type Route = Omit<Definition<Scope, z.ZodType, z.ZodType>, 'answer' | 'ensures'> & {
  readonly ensures?: true;
  answer(
    asked: Asked<Scope, unknown, unknown> & Partial<Subjects['app'] & Subjects['deploy']>,
  ): Promise<Answer>;
};

/** Declares a route; the table of all of them is the API. */
export function route<S extends Scope, Q extends z.ZodType, B extends z.ZodType>(
  definition: Definition<S, Q, B>,
): Route {
  return definition as unknown as Route;
}
