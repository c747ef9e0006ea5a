import { type FailureCode, failureCatalogue } from './failure-catalogue.ts';

/**
 * A way to stop that is not a bug. The message names the thing and what happened; the fix and the HTTP
 * status come from the catalogue. Anything else that is thrown is a bug and is shown as `internal`.
 */
export class Failure extends Error {
  readonly code: FailureCode;
  readonly #fix: string | undefined;

  constructor(code: FailureCode, message: string, options: { cause?: unknown; fix?: string } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'Failure';
    this.code = code;
    this.#fix = options.fix;
  }

  /** The one next step: the catalogue's, or a more exact one that the place of failure knew. */
  get fix(): string {
    return this.#fix ?? failureCatalogue[this.code].fix;
  }

  /** HTTP status of the problem document. */
  get status(): number {
    return failureCatalogue[this.code].status;
  }
}
