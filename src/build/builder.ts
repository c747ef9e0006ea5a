/** What a builder is told of the source; file contents are what it asked for in `reads`, null when missing. */
export type Detection = {
  /** Paths in the build's context. */
  readonly files: ReadonlySet<string>;
  readonly contents: Readonly<Record<string, string | null>>;
};

/** Images that generated Dockerfiles begin with. */
export type Bases = { readonly node: string; readonly python: string; readonly static: string };

/** Turns files into a Dockerfile. Pure: what it needs to know is in its arguments. */
export type Builder = {
  readonly name: string;
  /** What it looks for, for the message of `no_dockerfile`. */
  readonly looksFor: string;
  /** Files that `dockerfile` wants to read. */
  readonly reads: readonly string[];
  detect(files: ReadonlySet<string>): boolean;
  dockerfile(detection: Detection, bases: Bases): string;
};
