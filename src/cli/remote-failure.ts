/** What a server refused, in its own words: its version may know codes that this one does not. */
export class RemoteFailure extends Error {
  readonly status: number;
  readonly code: string;
  readonly fix: string;
  readonly requestId: string;

  constructor(problem: { status: number; code: string; detail: string; fix: string; requestId: string }) {
    super(problem.detail);
    this.name = 'RemoteFailure';
    this.status = problem.status;
    this.code = problem.code;
    this.fix = problem.fix;
    this.requestId = problem.requestId;
  }
}
