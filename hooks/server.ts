import { connect } from 'node:net';

// Hooks start a Node for every push: this folder imports nothing but what Node brings.

type Answer = { print?: string; accept?: boolean; refs?: RefAnswer[] };
export type RefAnswer = { ref: string; ok: boolean; reason?: string; stored?: { ref: string; new: string } };

const gone = 'error[server_gone]: the server that took this push is not there any more\nhint: push again\n';

/** Sends one call to the server, shows its lines to the pusher, and gives back its last answer. */
export async function askServer(call: Record<string, unknown>): Promise<Answer> {
  const { HAWSER_SOCKET: socket = '', HAWSER_PUSH: pushId = '', HAWSER_PUSH_TOKEN: token = '' } = process.env;
  const connection = connect({ path: socket });
  connection.setEncoding('utf8');
  connection.write(`${JSON.stringify({ ...call, pushId, token })}\n`);
  let rest = '';
  try {
    for await (const chunk of connection) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const answer = JSON.parse(line) as Answer;
        if (answer.print === undefined) return answer;
        await show(`${answer.print}\n`);
      }
    }
  } catch {
    // Refused, reset or absent: for the pusher it is one thing, told below.
  } finally {
    connection.destroy();
  }
  await show(gone);
  return { accept: false };
}

/** To the pusher, as a `remote:` line; waits while the pusher is slow to read. */
export function show(text: string): Promise<void> {
  return new Promise((resolve) => process.stderr.write(text, () => resolve()));
}

/** Everything that git writes to the hook, until it closes. */
export async function readAll(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Lists longer than the server will ever accept are cut; their length is told instead. */
export const maxUpdates = 2000;

/** `old new ref` as git writes it. */
export function parseUpdate(line: string): { old: string; new: string; ref: string } {
  return { old: line.slice(0, 40), new: line.slice(41, 81), ref: line.slice(82) };
}
