import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { type OutboundRules, parseOutboundUrl } from './addresses.ts';
import { type LookUp, pinAddress } from './resolve.ts';

export type OutboundPost = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

/** `text` is cut at 1 kB and has no control characters. */
export type OutboundAnswer = { readonly status: number; readonly text: string };

export type OutboundOptions = {
  readonly rules: OutboundRules;
  readonly timeoutMs?: number;
  readonly look?: LookUp;
  readonly signal?: AbortSignal;
};

const mostBytes = 64 * 1024;
const keptCharacters = 1024;

/**
 * Posts to somebody else's address, which is looked up once and checked; no redirect is followed, no proxy asked, and
 * of the answer little is read. Throws `url_not_allowed`, `host_not_found` and what the connection throws.
 */
export async function postOutbound(
  { url: text, headers, body }: OutboundPost,
  { rules, timeoutMs = 5_000, look, signal }: OutboundOptions,
): Promise<OutboundAnswer> {
  const url = parseOutboundUrl(text, ['https', 'http'], rules);
  const { address, family } = await pinAddress(url, rules, look);
  const limit = AbortSignal.timeout(timeoutMs);
  const request = url.protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const asked = request(url, {
      method: 'POST',
      headers: { 'user-agent': 'Hawser', ...headers, 'content-length': Buffer.byteLength(body) },
      agent: false,
      lookup: (_host, options, done) =>
        options.all ? done(null, [{ address, family }]) : done(null, address, family),
      signal: signal === undefined ? limit : AbortSignal.any([limit, signal]),
    });
    asked.on('error', (error) =>
      reject(limit.aborted ? new Error(`no answer within ${timeoutMs} ms`) : error),
    );
    asked.on('response', (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      const end = () => {
        const answer = Buffer.concat(chunks).toString('utf8').slice(0, keptCharacters);
        resolve({ status: response.statusCode ?? 0, text: answer.replace(/\p{Cc}/gu, ' ').trim() });
        response.destroy();
      };
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size - chunk.length < keptCharacters * 4) chunks.push(chunk);
        if (size > mostBytes) end();
      });
      response.on('end', end);
      response.on('error', reject);
    });
    asked.end(body);
  });
}
