/** Where a sealed text belongs: moved to any other place it does not open. */
export type SealPlace = {
  readonly environmentId: string;
  /** Which value it is, like `releases.config` or `settings.vars.TOKEN`. */
  readonly what: string;
  /** Of what is numbered, like a release; 0 for what is not. */
  readonly version: number;
};

/** Keeps texts so that only who has the installation's master key can read them. */
export type Seal = {
  seal(text: string, place: SealPlace): string;
  /** Throws `secret_broken`, which names the place. */
  open(sealed: string, place: SealPlace): string;
  /** The number of the data key that seals now; rows that say another one can be sealed anew. */
  current(): number;
};
