import type { TerminalSize } from '../../model/run.ts';

/** What the client tells of its terminal, as ssh2 has it. */
export type WindowInfo = { readonly rows: number; readonly cols: number; readonly term?: string };

/** The terminal of a client, which it made raw. */
export type SshWindow = {
  /** As of TERM. */
  readonly kind: string;
  readonly size: TerminalSize;
  /** Told of every size from now on. */
  watch(listener: (size: TerminalSize) => void): void;
};

export type OpenWindow = SshWindow & { change(info: WindowInfo): void };

export function openWindow({ term = '', ...first }: WindowInfo): OpenWindow {
  let size = toSize(first);
  const listeners: ((size: TerminalSize) => void)[] = [];
  return {
    // It becomes a word in the environment of a process.
    kind: /^[A-Za-z0-9.+_-]{1,64}$/.test(term) ? term : 'xterm',
    get size() {
      return size;
    },
    watch: (listener) => void listeners.push(listener),
    change(info) {
      size = toSize(info);
      for (const tell of listeners) tell(size);
    },
  };
}

function toSize({ rows, cols }: WindowInfo): TerminalSize {
  return { rows, columns: cols };
}
