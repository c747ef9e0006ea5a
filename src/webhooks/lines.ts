/** What stands in lines: in each of them one at a time, and of all no more than `most`. */
export type LineWork<Item> = {
  readonly most: number;
  lineOf(item: Item): string;
  /** The first of each line that is none of those, as many as there is room for. */
  list(busy: readonly string[], room: number): Promise<readonly Item[]>;
  perform(item: Item): Promise<void>;
  /** There is room again. */
  onDone(): void;
  onError(error: unknown): void;
};

export type Lines = {
  /** Begins what has room; how much that was. */
  fill(): Promise<number>;
  /** Resolves when nothing is under way any more. */
  settle(): Promise<void>;
};

/** Nobody waits for somebody slow in another line. */
export function openLines<Item>(work: LineWork<Item>): Lines {
  const busy = new Map<string, Promise<void>>();
  const perform = async (item: Item, line: string): Promise<void> => {
    try {
      await work.perform(item);
    } catch (error) {
      busy.delete(line);
      return work.onError(error);
    }
    busy.delete(line);
    work.onDone();
  };
  return {
    async fill() {
      const room = work.most - busy.size;
      const items = room > 0 ? await work.list([...busy.keys()], room) : [];
      // Another call may have begun the same.
      const begun = items.filter((item) => !busy.has(work.lineOf(item)));
      for (const item of begun) busy.set(work.lineOf(item), perform(item, work.lineOf(item)));
      return begun.length;
    },
    settle: async () => void (await Promise.all(busy.values())),
  };
}
