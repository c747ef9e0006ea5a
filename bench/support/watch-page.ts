import { get } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

const everyMs = 10;

/** When the page first held `text`, by `performance.now()`; a fresh connection every 10 ms. Rejects with the signal. */
export async function watchPage(
  page: { readonly host: string; readonly port: number; readonly domain: string; readonly path: string },
  text: string,
  signal: AbortSignal,
): Promise<number> {
  while (true) {
    if ((await readPage(page, signal)).includes(text)) return performance.now();
    await pause(everyMs, undefined, { signal });
  }
}

/** The body, or nothing while nobody answers. */
function readPage(page: Parameters<typeof watchPage>[0], signal: AbortSignal): Promise<string> {
  const { host, port, path, domain } = page;
  return new Promise((resolve) => {
    const asked = get({ host, port, path, headers: { host: domain }, agent: false, signal }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('error', () => resolve(''));
      response.on('end', () => resolve(body));
    });
    asked.on('error', () => resolve(''));
  });
}
