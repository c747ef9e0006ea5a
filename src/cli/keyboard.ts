import { spawnSync } from 'node:child_process';
import { type TerminalSize, terminalKind } from '../model/run.ts';
import type { TerminalStreams } from './terminal.ts';

/** What a command elsewhere gets of whoever is here. */
export type Keyboard = {
  /** The terminal that a command elsewhere may have; null where there is none on both sides. */
  readonly screen: Screen | null;
  /** stdin as it comes, until it is disposed. */
  read(listener: Listener): Disposable;
};

export type Screen = {
  /** As of TERM. */
  readonly kind: string;
  size(): TerminalSize;
  /** Every key is the command's, Ctrl-C too, until it is disposed. */
  take(onResize: (size: TerminalSize) => void): Disposable;
};

/** Told what comes; what it answers is waited for before more is read. */
export type Listener = {
  data(bytes: Buffer): Promise<void>;
  end(): void;
};

/** Of a session over SSH: the parent has the terminal, and tells its size. */
type Parent = { readonly size: TerminalSize; readonly kind: string };

const usual: TerminalSize = { rows: 24, columns: 80 };
const most = 1000;

export function openKeyboard(
  { stdin, stdout }: Pick<TerminalStreams, 'stdin' | 'stdout'>,
  env: NodeJS.ProcessEnv,
): Keyboard {
  return {
    screen: openScreen({ stdin, stdout }, env),
    read({ data, end }) {
      let over = false;
      const take = (bytes: Buffer) => {
        stdin.pause();
        void data(Buffer.from(bytes)).then(() => over || stdin.resume());
      };
      stdin.on('data', take);
      stdin.on('end', end);
      return {
        [Symbol.dispose]() {
          over = true;
          stdin.off('data', take);
          stdin.off('end', end);
          stdin.pause();
          // A pipe that is still open would keep the process.
          (stdin as Partial<{ destroy(): void }>).destroy?.();
        },
      };
    },
  };
}

function openScreen(
  { stdin, stdout }: Pick<TerminalStreams, 'stdin' | 'stdout'>,
  env: NodeJS.ProcessEnv,
): Screen | null {
  const parent = parseParent(env.HAWSER_TERMINAL);
  if (parent !== null) return openParentScreen(parent);
  if (stdin.isTTY !== true || stdout.isTTY !== true) return null;
  const raw = stdin as Partial<{ setRawMode(on: boolean): void }>;
  const { TERM = '' } = env;
  const size = () => fitSize(stdout as Partial<TerminalSize>);
  return {
    kind: terminalKind.test(TERM) ? TERM : 'xterm',
    size,
    take(onResize) {
      const tell = () => onResize(size());
      stdout.on('resize', tell);
      raw.setRawMode?.(true);
      // Node leaves on what makes two characters of a line end, which programs that fill the screen cannot bear.
      spawnSync('stty', ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'] });
      return {
        [Symbol.dispose]() {
          raw.setRawMode?.(false);
          stdout.off('resize', tell);
        },
      };
    },
  };
}

function openParentScreen({ size: first, kind }: Parent): Screen {
  let size = first;
  return {
    kind,
    size: () => size,
    take(onResize) {
      const hear = (message: unknown) => {
        size = fitSize(Object(message) as Partial<TerminalSize>);
        onResize(size);
      };
      process.on('message', hear);
      // It tells neither keys of its own nor line ends any more.
      process.send?.({ raw: true });
      return {
        [Symbol.dispose]() {
          process.off('message', hear);
          process.disconnect?.();
        },
      };
    },
  };
}

/** `ROWS COLUMNS KIND`, as the server tells it to the command line of a session over SSH. Pure. */
export function parseParent(text: string | undefined): Parent | null {
  const [rows = '', columns = '', kind = ''] = (text ?? '').split(' ');
  if (!/^\d{1,9}$/.test(rows) || !/^\d{1,9}$/.test(columns)) return null;
  const size = fitSize({ rows: Number(rows), columns: Number(columns) });
  return { size, kind: terminalKind.test(kind) ? kind : 'xterm' };
}

/** A size that every side takes: what nobody knows is the usual one. Pure. */
export function fitSize({ rows, columns }: Partial<TerminalSize>): TerminalSize {
  const fit = (value: unknown, instead: number) =>
    typeof value === 'number' && value >= 1 ? Math.min(most, Math.floor(value)) : instead;
  return { rows: fit(rows, usual.rows), columns: fit(columns, usual.columns) };
}
