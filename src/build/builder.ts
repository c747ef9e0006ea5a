/** What a builder is told of the source; file contents are what it asked for in `reads`, null when missing. */
export type Detection = {
  /** Paths in the build's context. */
  readonly files: ReadonlySet<string>;
  readonly contents: Readonly<Record<string, string | null>>;
};

/** Images that generated Dockerfiles begin with. */
export type Bases = { readonly node: string; readonly python: string; readonly static: string };

/** Apps that bring no Dockerfile do not run as root; a number is a user of every base. */
export const appUser = '1000:1000';

/** The same, for COPY: the folder that it makes is the app's as well, so that the app can write there. */
export const copyOwned = `COPY --chown=${appUser}`;

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
