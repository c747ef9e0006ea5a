import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { openSpinner } from './spinner.ts';

type Sink = Writable & { readonly isTTY?: boolean | undefined; readonly columns?: number };

export type TerminalStreams = {
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean | undefined };
  readonly stdout: Sink;
  readonly stderr: Sink;
  /** The value of NO_COLOR. */
  readonly noColor: string | undefined;
  /** It can only write line after line, as TERM=dumb says. */
  readonly isDumb?: boolean;
};

/** Data goes to stdout, talk to stderr. */
export type Terminal = {
  /** A line of data. */
  print(line: string): void;
  /** Bytes as they are, of a program that runs elsewhere. */
  put(stream: 'stdout' | 'stderr', bytes: Uint8Array): void;
  printJson(value: unknown): void;
  /** Aligned under a heading on a terminal; tabs and no heading in a pipe. */
  printTable(heading: readonly string[], rows: readonly (readonly string[])[]): void;
  /** A line for the person, never part of the data. */
  say(line: string): void;
  readonly interactive: boolean;
  /** Asks the person; only when `interactive`. */
  ask(question: string): Promise<string>;
  /** The same, and what is typed is not shown. */
  askSecret(question: string): Promise<string>;
  /** All of stdin; null when it has more bytes than that. */
  readBytes(most: number): Promise<Buffer | null>;
  /** All of stdin, as text. */
  readInput(): Promise<string>;
  /** Data is read by a person, not by a program. */
  readonly toTerminal: boolean;
  /** Shows on a terminal what is waited for, until it is disposed; null where nobody watches. */
  readonly progress: ((read: () => string) => Disposable) | null;
  /** The text in bold on a terminal that has colours. */
  bold(text: string): string;
};

export function openTerminal({ stdin, stdout, stderr, noColor, isDumb }: TerminalStreams): Terminal {
  const onTerminal = stdout.isTTY === true;
  const colours = onTerminal && (noColor === undefined || noColor === '');
  const bold = (text: string) => (colours ? `\x1b[1m${text}\x1b[22m` : text);
  const spinner = openSpinner(stderr);
  const write = (sink: Sink, text: string) => {
    spinner.hide();
    sink.write(text);
  };
  const print = (line: string) => write(stdout, `${line}\n`);
  return {
    print,
    put(stream, bytes) {
      spinner.hide();
      (stream === 'stdout' ? stdout : stderr).write(bytes);
    },
    printJson: (value) => print(JSON.stringify(value, null, 2)),
    printTable(heading, rows) {
      for (const line of formatTable(onTerminal ? heading : null, rows))
        print(line.heading ? bold(line.text) : line.text);
    },
    say: (line) => write(stderr, `${line}\n`),
    progress: stderr.isTTY === true && !isDumb ? spinner.show : null,
    interactive: stdin.isTTY === true && stderr.isTTY === true,
    async ask(question) {
      const reader = createInterface({ input: stdin, output: stderr });
      try {
        return (await reader.question(question)).trim();
      } finally {
        reader.close();
      }
    },
    async askSecret(question) {
      stderr.write(question);
      const dark = new Writable({ write: (_chunk, _encoding, done) => done() });
      const reader = createInterface({ input: stdin, output: dark, terminal: true });
      try {
        return await reader.question('');
      } finally {
        reader.close();
        stderr.write('\n');
      }
    },
    async readBytes(most) {
      const chunks: Buffer[] = [];
      let length = 0;
      for await (const chunk of stdin) {
        chunks.push(Buffer.from(chunk));
        length += chunk.length;
        if (length > most) return null;
      }
      return Buffer.concat(chunks);
    },
    async readInput() {
      const chunks: Buffer[] = [];
      for await (const chunk of stdin) chunks.push(Buffer.from(chunk));
      return Buffer.concat(chunks).toString('utf8');
    },
    bold,
    toTerminal: onTerminal,
  };
}

/** Lines of a table: columns as wide as their widest cell under a heading, or cells between tabs without one. Pure. */
export function formatTable(
  heading: readonly string[] | null,
  rows: readonly (readonly string[])[],
): { readonly text: string; readonly heading: boolean }[] {
  if (heading === null) return rows.map((row) => ({ text: row.join('\t'), heading: false }));
  const all = [heading, ...rows];
  const widths = heading.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all.map((row, index) => ({
    text: row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
    heading: index === 0,
  }));
}
