import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import { flushPacket, packetText, parsePackets, serializePacket } from './packet.ts';
import { printable } from './printable.ts';
import type { HookCall, RefAnswer } from './push.ts';

/**
 * The server's side of `hooks/`. A receive-pack is started with two more descriptors that its hooks inherit, so that
 * they need nothing but a shell, and nobody else can speak for them: 3 has the call of pre-receive, its answer, and
 * afterwards lines for the pusher; 4 has git's own conversation with proc-receive (githooks(5)).
 */
export type HookLinks = { readonly words: Socket; readonly refs: Socket };

/** Descriptors beside the three that every process has. */
export const hookDescriptors = 2;

const maxCallBytes = 8 * 1024 * 1024;
const maxWaitingBytes = 4 * 1024 * 1024;
/** Lists longer than the server will ever accept are cut; their length is told instead. */
const maxUpdates = 2000;

/** Of a git that was started with `hookDescriptors`. */
export function hookLinksOf(child: ChildProcess): HookLinks {
  const [, , , words, refs] = child.stdio as unknown as Socket[];
  if (words === undefined || refs === undefined) throw new Error('a git without descriptors for its hooks');
  return { words, refs };
}

/**
 * What pre-receive sends: fields that end with a NUL, which are the quarantine, the number of options, each of them,
 * and the updates as git wrote them, a line each. Null when it ends before, or is too much.
 */
export function readExamination(words: Socket): Promise<HookCall | null> {
  const heard: Heard = { chunks: [], size: 0, ends: 0, lines: 0 };
  return new Promise((resolve) => {
    words.on('close', () => resolve(null));
    words.on('data', (chunk: Buffer) => {
      hear(heard, chunk);
      const fields = heard.ends < 2 ? Number.POSITIVE_INFINITY : countFields(heard);
      if (heard.ends < fields) return;
      const call = parseExamination(Buffer.concat(heard.chunks).toString('utf8'), fields);
      // What is kept of a list that was too much is only good for telling its length.
      if (heard.size <= maxCallBytes) resolve(call);
      else if (heard.lines > maxUpdates) resolve({ ...call, total: heard.lines });
      else words.destroy();
    });
  });
}

type Heard = { readonly chunks: Buffer[]; size: number; ends: number; lines: number; fields?: number };

function hear(heard: Heard, chunk: Buffer): void {
  const room = Math.max(0, maxCallBytes - heard.size);
  if (room > 0) heard.chunks.push(chunk.subarray(0, room));
  heard.size += chunk.length;
  heard.ends += count(chunk, 0);
  heard.lines += count(chunk, 10);
}

function count(bytes: Buffer, wanted: number): number {
  let found = 0;
  for (let at = bytes.indexOf(wanted); at >= 0; at = bytes.indexOf(wanted, at + 1)) found += 1;
  return found;
}

/** The two that are always there, the options, the updates. */
function countFields(heard: Heard): number {
  if (heard.fields === undefined) {
    const [, options = ''] = Buffer.concat(heard.chunks).toString('utf8').split('\0', 2);
    heard.fields = Number(options) + 3;
  }
  return heard.fields;
}

function parseExamination(text: string, fields: number): HookCall {
  const [quarantine = '', , ...rest] = text.split('\0');
  const lines = (rest[fields - 3] ?? '').split('\n').filter((line) => line !== '');
  return {
    phase: 'pre-receive',
    updates: lines.slice(0, maxUpdates).map(parseUpdate),
    total: lines.length,
    options: rest.slice(0, fields - 3),
    atomic: false,
    quarantine,
  };
}

/** `old new ref` as git writes it. */
function parseUpdate(line: string): HookCall['updates'][number] {
  return { old: line.slice(0, 40), new: line.slice(41, 81), ref: line.slice(82) };
}

/** Ends the pre-receive hook; the connection stays for what the pusher is told later. */
export function answerExamination(words: Socket, accept: boolean): void {
  if (words.writable) words.write(accept ? 'accept\n' : 'refuse\n');
}

/** Git's greeting is answered, and its call read; null when it ends before. Throws on what is not git's. */
export async function readRecording(refs: Socket): Promise<HookCall | null> {
  const sections = readSections(refs);
  const next = async (): Promise<string[]> => (await sections.next()).value ?? [];
  const [greeting] = await next();
  if (greeting === undefined) return null;
  const [version = '', capabilities = ''] = greeting.split('\0');
  if (version !== 'version=1') throw new Error(`git speaks ${version} to the hook, not version=1`);
  const offered = capabilities.split(' ').filter((word) => word === 'push-options' || word === 'atomic');
  refs.write(Buffer.concat([serializePacket(`version=1\0${offered.join(' ')}`), flushPacket]));
  const commands = await next();
  const options = offered.includes('push-options') ? await next() : [];
  return {
    phase: 'proc-receive',
    updates: commands.slice(0, maxUpdates).map(parseUpdate),
    total: commands.length,
    options,
    atomic: offered.includes('atomic'),
    quarantine: '',
  };
}

/** Reads git's sections (packets up to a flush) one after the other. */
async function* readSections(refs: Socket): AsyncGenerator<string[]> {
  let rest: Buffer = Buffer.alloc(0);
  let section: string[] = [];
  for await (const chunk of refs) {
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

/** Ends the proc-receive hook. */
export function answerRecording({ words, refs }: HookLinks, answers: readonly RefAnswer[]): void {
  if (words.writable) words.end();
  if (refs.writable) refs.end(Buffer.concat([...answers.flatMap(describeAnswer), flushPacket]));
}

function describeAnswer(answer: RefAnswer): Buffer[] {
  if (!answer.ok) return [serializePacket(`ng ${answer.ref} ${answer.reason}`)];
  const ok = serializePacket(`ok ${answer.ref}`);
  if (answer.stored === undefined) return [ok];
  const { ref, new: oid } = answer.stored;
  return [ok, serializePacket(`option refname ${ref}`), serializePacket(`option new-oid ${oid}`)];
}

/**
 * Lines for the pusher, in front of which the hook expects `mark`. For one who reads slowly they are left out rather
 * than kept in memory: the deploy's log has them all.
 */
export function openPrinter(words: Socket, mark: ' ' | ''): (text: string) => void {
  let leftOut = 0;
  const send = (line: string) => {
    if (words.writable) words.write(`${mark}${line}\n`);
  };
  return (text) => {
    for (const line of text.replace(/\n$/, '').split('\n')) {
      if (words.writableLength > maxWaitingBytes) {
        leftOut += 1;
        continue;
      }
      if (leftOut > 0) send(` !     ${leftOut} lines left out here: the connection is slow`);
      leftOut = 0;
      send(printable(line.replace(/\r$/, '')));
    }
  };
}
