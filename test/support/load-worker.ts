import { Agent, request } from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';
import type { FailedRequest, LoadOptions, LoadReport } from './load.ts';

const options: LoadOptions = workerData;
const timeoutMs = options.timeoutMs ?? 10_000;
const share = options.newConnectionShare ?? 0.5;
const kept = new Agent({ keepAlive: true, maxSockets: 64 });
/** More on their way than this is a server that does not answer: the next ones fail at once. */
const mostInFlight = 2_000;
const mostFailuresKept = 10_000;

const failed: FailedRequest[] = [];
const times: number[] = [];
const byBody = new Map<string, number>();
const statuses = new Map<number, number>();
const counts = { sent: 0, ok: 0, inFlight: 0 };

function send(): void {
  const newConnection = Math.floor((counts.sent + 1) * share) > Math.floor(counts.sent * share);
  counts.sent++;
  if (counts.inFlight >= mostInFlight) fail('too many on their way', newConnection);
  else ask(newConnection);
}

function ask(newConnection: boolean): void {
  counts.inFlight++;
  const startedAt = performance.now();
  const headers = options.host === undefined ? {} : { host: options.host };
  const asked = request(options.url, { agent: newConnection ? false : kept, headers }, (response) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.once('error', (error) => end(error.message));
    response.once('end', () => {
      const body = Buffer.concat(chunks).toString().slice(0, 200).trim();
      const status = response.statusCode ?? 0;
      count(byBody, body);
      count(statuses, status);
      times.push(performance.now() - startedAt);
      end(status < 400 ? undefined : `status ${status}: ${body.slice(0, 80)}`);
    });
  });
  const deadline = setTimeout(() => asked.destroy(new Error(`no answer in ${timeoutMs} ms`)), timeoutMs);
  asked.once('error', (error: NodeJS.ErrnoException) => end(`${error.code ?? ''} ${error.message}`.trim()));
  asked.end();
  let ended = false;
  function end(reason: string | undefined): void {
    if (ended) return;
    ended = true;
    clearTimeout(deadline);
    counts.inFlight--;
    if (reason === undefined) counts.ok++;
    else fail(reason, newConnection);
  }
}

function fail(reason: string, newConnection: boolean): void {
  if (failed.length < mostFailuresKept) failed.push({ at: Date.now(), reason, newConnection });
}

function count<K>(map: Map<K, number>, key: K): void {
  if (map.has(key) || map.size < 1_000) map.set(key, (map.get(key) ?? 0) + 1);
}

function report(): LoadReport {
  const sorted = times.toSorted((one, other) => one - other);
  const at = (part: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
  return { sent: counts.sent, ok: counts.ok, failed, byBody, statuses, p50: at(0.5), p99: at(0.99) };
}

const begunAt = performance.now();
let due = 0;
const timer = setInterval(() => {
  due = Math.floor(((performance.now() - begunAt) / 1000) * options.rate);
  while (counts.sent < due) send();
}, 2);

parentPort?.once('message', () => {
  clearInterval(timer);
  const waiting = setInterval(() => {
    if (counts.inFlight > 0) return;
    clearInterval(waiting);
    kept.destroy();
    parentPort?.postMessage(report());
  }, 5);
});
parentPort?.postMessage('started');
