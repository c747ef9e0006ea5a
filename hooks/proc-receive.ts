import { flushPacket, packetText, parsePackets, serializePacket } from '../src/receive/packet.ts';
import { askServer, maxUpdates, parseUpdate, type RefAnswer } from './server.ts';

/** Reads git's sections (packets up to a flush) one after the other. */
async function* readSections(): AsyncGenerator<string[]> {
  let rest: Buffer = Buffer.alloc(0);
  let section: string[] = [];
  for await (const chunk of process.stdin) {
    const parsed = parsePackets(Buffer.concat([rest, chunk as Buffer]));
    rest = parsed.rest;
    for (const packet of parsed.packets) {
      if (packet.kind === 'data') section.push(packetText(packet));
      else {
        yield section;
        section = [];
      }
    }
  }
}

function write(...packets: Buffer[]): Promise<void> {
  return new Promise((resolve) => process.stdout.write(Buffer.concat(packets), () => resolve()));
}

function describe(answer: RefAnswer): Buffer[] {
  if (!answer.ok) return [serializePacket(`ng ${answer.ref} ${answer.reason ?? 'refused'}`)];
  const ok = serializePacket(`ok ${answer.ref}`);
  if (answer.stored === undefined) return [ok];
  const { ref, new: oid } = answer.stored;
  return [ok, serializePacket(`option refname ${ref}`), serializePacket(`option new-oid ${oid}`)];
}

const sections = readSections();
const next = async (): Promise<string[]> => (await sections.next()).value ?? [];
const [greeting = ''] = await next();
const [version = '', capabilities = ''] = greeting.split('\0');
if (version !== 'version=1') throw new Error(`git speaks ${version} to the hook, not version=1`);
const offered = capabilities.split(' ').filter((word) => word === 'push-options' || word === 'atomic');
await write(serializePacket(`version=1\0${offered.join(' ')}`), flushPacket);
const commands = await next();
const options = offered.includes('push-options') ? await next() : [];

const answer = await askServer({
  phase: 'proc-receive',
  updates: commands.slice(0, maxUpdates).map(parseUpdate),
  total: commands.length,
  options,
  atomic: offered.includes('atomic'),
  quarantine: {},
});
const refs =
  answer.refs ?? commands.map((line) => ({ ref: parseUpdate(line).ref, ok: false, reason: 'server gone' }));
await write(...refs.flatMap(describe), flushPacket);
// git keeps its end open until it has read the answer.
process.stdin.destroy();
