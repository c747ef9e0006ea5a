import type { z } from 'zod';
import type { Actor } from '../model/access.ts';
import type { App } from '../model/app.ts';
import type { Deploy } from '../model/deploy.ts';
import type { Right } from '../model/token.ts';
import type { Place } from '../store/apps.ts';
import type { ApiDesk } from './desk.ts';
import type { Streamed } from './stream.ts';

/**
 * What a route is about, found and allowed before its answer runs: `open` needs nobody, `visible` any token
 * (and answers with what that one may see), `installation` a token that is not bound to one app.
 */
export type Subjects = {
  open: object;
  visible: object;
  installation: object;
  app: { readonly app: App };
  deploy: { readonly deploy: Deploy; readonly place: Place };
};

export type Scope = keyof Subjects;

export type Asked<S extends Scope, Q, B> = Subjects[S] & {
  readonly desk: ApiDesk;
  readonly actor: Actor;
  /** Named parts of the path that are not the subject. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Q;
  readonly body: B;
  /** Of `Last-Event-ID`, when a follower comes back. */
  readonly lastEventId: string | undefined;
  readonly wantsText: boolean;
  /** Aborts when the asker is gone or the API closes. */
  readonly signal: AbortSignal;
};

export type Answer = { readonly status?: number; readonly json: unknown } | Streamed;

export type Definition<S extends Scope, Q extends z.ZodType, B extends z.ZodType> = {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Below `/api/v1`, with `:app` and `:id` for subjects. */
  readonly path: string;
  readonly scope: S;
  /** Null only for `open` routes. */
  readonly right: Right | null;
  /** One line for people, also in the OpenAPI document. */
  readonly title: string;
  readonly query: Q;
  readonly body: B;
  answer(asked: Asked<S, z.output<Q>, z.output<B>>): Promise<Answer>;
};

export type Route = Omit<Definition<Scope, z.ZodType, z.ZodType>, 'answer'> & {
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
