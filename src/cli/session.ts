import { type Client, openClient } from './client.ts';
import { chooseTarget } from './connect.ts';
import { exitCodes } from './exit.ts';
import type { Keyboard } from './keyboard.ts';
import { readAppOfFolder } from './remote.ts';
import type { Terminal } from './terminal.ts';

/** Options that every command understands. */
export type CommonOptions = {
  readonly config?: string;
  readonly app?: string;
  readonly env?: string;
  readonly json?: boolean;
};

/** What a command has to work with; one for each run of the command line. */
export type Session = {
  /** As it was typed. */
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly terminal: Terminal;
  readonly keyboard: Keyboard;
  /** Aborts at Ctrl-C, for commands that watch something; also at other signals, if they are named. */
  interrupt(signals?: readonly NodeJS.Signals[]): AbortSignal;
  open(options: CommonOptions): Client;
  /** The app that is named, or that of the folder's git remote. Throws `app_not_named`. */
  findApp(client: Client, options: CommonOptions): Promise<string>;
  /** Ends the command with this code once it is done: ours, or that of a command that ran elsewhere. */
  end(code: number): void;
  readonly exitCode: number;
};

type Installation = { readonly url: string; readonly ssh: { readonly host: string; readonly port: number } };

export function openSession({
  argv,
  env,
  cwd,
  terminal,
  keyboard,
}: Pick<Session, 'argv' | 'env' | 'cwd' | 'terminal' | 'keyboard'>): Session {
  let exitCode: number = exitCodes.done;
  return {
    argv,
    env,
    cwd,
    terminal,
    keyboard,
    interrupt(signals = ['SIGINT']) {
      const stop = new AbortController();
      for (const signal of signals) process.once(signal, () => stop.abort());
      return stop.signal;
    },
    open: ({ config }) => openClient(chooseTarget(config, env, cwd)),
    async findApp(client, { app }) {
      if (app !== undefined) return app;
      return readAppOfFolder(cwd, await listPlaces(client));
    },
    end(code) {
      exitCode = code;
    },
    get exitCode() {
      return exitCode;
    },
  };
}

/** `host:port` under which remotes reach this server. */
async function listPlaces(client: Client): Promise<string[]> {
  const { url, ssh } = await client.ask<Installation>('/installation');
  const places = [url, ...(client.target.kind === 'url' ? [client.target.url] : [])].map(
    (text) => new URL(text),
  );
  const overSsh = places.map(({ hostname }) => `${hostname}:${ssh.port}`);
  return [...places.map(({ host }) => host), `${ssh.host}:${ssh.port}`, ...overSsh];
}
