import type { Route } from './route.ts';
import { routes } from './routes.ts';

const readable = new Set(routes.filter(({ method }) => method === 'GET').map(({ path }) => path));
const makesDeploy = /^\/apps\/:app\/(?:deploys|promote|rollback|scale|restart|stop|start|config|domains)$/;
const base = ['', 'api', 'v1'];

/** Where it shows what became of a request: the nearest address that can be read, at its own or above. Pure. */
export function placeToLook({ path }: Pick<Route, 'path'>, url: string): string {
  const [address = ''] = url.split('?');
  const asked = address.split('/').slice(base.length);
  if (makesDeploy.test(path)) return `GET ${base.join('/')}/deploys?app=${asked[1]}`;
  const words = path.split('/').slice(1);
  const near = words.map((_, cut) => words.length - cut).find((count) => readable.has(join(words, count)));
  return `GET ${base.join('/')}${near === undefined ? '/events' : join(asked, near)}`;
}

function join(words: readonly string[], count: number): string {
  return `/${words.slice(0, count).join('/')}`;
}
