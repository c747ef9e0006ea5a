/** A code's HTTP status and the next step for the person who meets it. */
export type Entries = Readonly<Record<string, { readonly status: number; readonly fix: string }>>;
