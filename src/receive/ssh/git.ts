import { Failure } from '../../failure.ts';
import { endGit } from '../git/exchange.ts';
import { type GitEnd, watchGit } from '../git/process.ts';
import type { GitService } from '../git/request.ts';
import type { RunningGit } from '../git/runs.ts';
import {
  type ChannelWriter,
  pumpInput,
  pumpOutput,
  type ServerChannel,
  serializeFailure,
} from './channel.ts';
import { openPace, type PaceLimits } from './pace.ts';

export type SshExchange = {
  readonly channel: ServerChannel;
  readonly writer: ChannelWriter;
  readonly service: GitService;
  /** Bytes that the client may send, and what is said of more. */
  readonly bytes: number;
  readonly tooLarge: () => Failure;
  readonly pace: PaceLimits;
};

// What a client sent whole is recorded within this time after it left.
const farewellMs = 60_000;

/**
 * A client's session to its git and back, no faster than either takes it. Resolves when the git has ended and all it
 * said was taken. A client that leaves ends what it only began; a push that is whole goes on without it.
 */
export async function performSshExchange(exchange: SshExchange, git: RunningGit): Promise<GitEnd> {
  const { writer, service } = exchange;
  const { child } = git;
  const ended = watchGit(child);
  const farewell = new AbortController();
  const leave = () => {
    child.stdin.destroy();
    git.leave();
    const timer = setTimeout(() => endGit(child, service), farewellMs);
    farewell.signal.addEventListener('abort', () => clearTimeout(timer));
  };
  writer.gone.addEventListener('abort', leave, { once: true });
  if (writer.gone.aborted) leave();
  const passed: Passed = { toGit: 0, toClient: 0 };
  feedGit(exchange, git, passed);
  const stopWatching = watchPace(exchange, git, passed);
  try {
    const answer = async (bytes: Buffer) => {
      await writer.write(bytes);
      passed.toClient += bytes.length;
    };
    const said = [pumpOutput(child.stdout, answer), pumpOutput(child.stderr, writer.writeError)];
    const [end] = await Promise.all([ended, ...said]);
    return end;
  } finally {
    stopWatching();
    writer.gone.removeEventListener('abort', leave);
    farewell.abort();
  }
}

type Passed = { toGit: number; toClient: number };

function feedGit(exchange: SshExchange, { child }: RunningGit, passed: Passed): void {
  const { channel, writer, bytes, tooLarge } = exchange;
  pumpInput(channel, child.stdin, {
    gone: writer.gone,
    admit(chunk) {
      const before = passed.toGit;
      passed.toGit += chunk.length;
      if (passed.toGit > bytes && before <= bytes) cut(exchange, child, tooLarge());
      return passed.toGit <= bytes;
    },
  });
}

function cut({ writer, service }: SshExchange, child: RunningGit['child'], failure: Failure): void {
  void writer.writeError(serializeFailure(failure));
  endGit(child, service);
}

/** Ends a push that trickles in, and any conversation in which nothing is said for long. */
function watchPace(exchange: SshExchange, git: RunningGit, passed: Passed): () => void {
  const { channel, service, pace: limits } = exchange;
  const isPush = service === 'receive-pack';
  const pace = openPace(isPush ? limits : { ...limits, bytes: 0 });
  let counted = 0;
  const timer = setInterval(() => {
    const total = passed.toGit + (isPush ? 0 : passed.toClient);
    const bytes = total - counted;
    counted = total;
    if (isPush && (channel.isPaused() || git.isReceived())) return;
    if (!pace.judge(bytes)) {
      cut(exchange, git.child, new Failure('git_request_invalid', 'what git sends comes too slowly'));
    }
  }, limits.windowMs);
  return () => clearInterval(timer);
}
