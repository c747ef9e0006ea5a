import { Failure } from '../../failure.ts';
import { isAppName } from '../../model/names.ts';
import { quoteValue } from '../printable.ts';

export type GitService = 'receive-pack' | 'upload-pack';

/** A request of git's smart protocol over HTTP (gitprotocol-http), understood. */
export type GitRequest = {
  readonly kind: 'advertise' | 'exchange';
  readonly service: GitService;
  readonly appName: string;
  readonly encoding: 'identity' | 'gzip';
  /** Value of GIT_PROTOCOL, when the client asked for a version. */
  readonly protocol: string | null;
};

export type RawRequest = {
  readonly method: string;
  /** As it stood on the request line: nothing is decoded, so nothing can be decoded twice. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
};

const endings = /\/(?:info\/refs|git-receive-pack|git-upload-pack)$/;

/** True for URLs that only git asks for; the git server answers all of them, also the ones it refuses. */
export function isGitUrl(rawUrl: string): boolean {
  const path = rawUrl.split('?', 1)[0] ?? '';
  return /\.git(?:\/|$)/i.test(path) || endings.test(path);
}

/** Reads a request or throws the Failure that answers it. Only the exact URLs of the smart protocol exist. */
export function parseGitRequest(request: RawRequest): GitRequest {
  const [path = '', query = null] = splitOnce(request.url);
  const match = /^\/([^/]*)\/(info\/refs|git-receive-pack|git-upload-pack)$/.exec(path);
  if (match === null) throw new Failure('git_path_unknown', 'no repository is at this address');
  const appName = readAppName(match[1] ?? '');
  const protocol = readProtocol(request.headers['git-protocol']);
  if (match[2] === 'info/refs') {
    if (request.method !== 'GET') throw methodFailure(request.method);
    return { kind: 'advertise', service: readService(query), appName, encoding: 'identity', protocol };
  }
  if (request.method !== 'POST') throw methodFailure(request.method);
  const service = match[2] === 'git-receive-pack' ? 'receive-pack' : 'upload-pack';
  checkType(request.headers['content-type'], service);
  return {
    kind: 'exchange',
    service,
    appName,
    encoding: readEncoding(request.headers['content-encoding']),
    protocol,
  };
}

/** The app that the last part of a repository's address names. Throws Failure invalid_app_name. */
export function readAppName(text: string): string {
  const appName = text.replace(/\.git$/, '');
  if (isAppName(appName)) return appName;
  throw new Failure('invalid_app_name', `${quoteValue(appName)} is not the name of an app`);
}

/** Basic or Bearer credentials; null when there are none. Throws Failure token_malformed. */
export function parseCredentials(header: string | undefined): { username: string; password: string } | null {
  if (header === undefined) return null;
  const [scheme = '', value = '', ...more] = header.split(' ');
  const malformed = new Failure('token_malformed', 'the authorization of the request cannot be read');
  if (value === '' || more.length > 0 || header.length > 8192) throw malformed;
  if (scheme.toLowerCase() === 'bearer') return { username: '', password: value };
  if (scheme.toLowerCase() !== 'basic' || !/^[A-Za-z0-9+/_-]+={0,2}$/.test(value)) throw malformed;
  const text = Buffer.from(value, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 0 || /\p{Cc}/u.test(text)) throw malformed;
  return { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

function splitOnce(url: string): [string, string | null] {
  const mark = url.indexOf('?');
  return mark < 0 ? [url, null] : [url.slice(0, mark), url.slice(mark + 1)];
}

function readService(query: string | null): GitService {
  if (query === 'service=git-receive-pack') return 'receive-pack';
  if (query === 'service=git-upload-pack') return 'upload-pack';
  throw new Failure('git_service_refused', 'only git-receive-pack and git-upload-pack are served');
}

/** The versions of the protocol that are taken; null for anything else. */
export function readProtocol(header: string | string[] | undefined): string | null {
  return typeof header === 'string' && /^version=[012]$/.test(header) ? header : null;
}

function checkType(type: string | string[] | undefined, service: GitService): void {
  if (type === `application/x-git-${service}-request`) return;
  throw new Failure(
    'git_type_not_supported',
    `the content type has to be application/x-git-${service}-request`,
  );
}

function readEncoding(encoding: string | string[] | undefined): 'identity' | 'gzip' {
  if (encoding === undefined || encoding === 'identity') return 'identity';
  if (encoding === 'gzip' || encoding === 'x-gzip') return 'gzip';
  throw new Failure('git_type_not_supported', 'the content encoding has to be gzip or none');
}

function methodFailure(method: string): Failure {
  return new Failure('git_method_not_allowed', `${quoteValue(method)} is not a method of this address`);
}
