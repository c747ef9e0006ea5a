import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  addBusybox,
  addFolder,
  addLink,
  addPackages,
  addProgram,
  findProgram,
  type ImageRoot,
} from './image-root.ts';

/** How a base image is made on this machine, without a hub. */
export type ImageRecipe = {
  readonly tag: string;
  /** Files whose change makes another image. */
  readonly inputs: readonly string[];
  /** Lines of a Dockerfile for `docker import --change`. */
  readonly changes: readonly string[];
  /** Names on the hub that stand for the same thing. */
  readonly aliases: readonly string[];
  fill(root: ImageRoot): Promise<void>;
};

export type BaseImageName = 'busybox' | 'static' | 'node' | 'python' | 'gcc';

const path = 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const certificates = '/etc/ssl/certs/ca-certificates.crt';
const pythonPackages = ['python3', 'python3-pip', 'python3-flask', 'python3-redis'];
const gccPackages = ['gcc', 'libc6-dev', 'make'];

/** One recipe for each name; `node` is the one that runs this program. */
export const imageRecipes: Readonly<Record<BaseImageName, ImageRecipe>> = {
  busybox: {
    tag: 'hawser-base/busybox:latest',
    inputs: ['/bin/busybox', certificates],
    changes: [path, 'CMD ["sh"]'],
    aliases: ['busybox:latest', 'busybox:1.37', 'alpine:latest', 'alpine:3', 'debian:bookworm-slim'],
    fill: addBusybox,
  },
  static: {
    tag: 'hawser-base/static:latest',
    inputs: ['/bin/busybox', certificates],
    changes: [path, 'EXPOSE 80', 'CMD ["httpd","-f","-p","80","-h","/usr/share/nginx/html"]'],
    aliases: ['nginx:alpine', 'nginx:latest'],
    async fill(root) {
      await addBusybox(root);
      const pages = join(root.path, 'usr/share/nginx/html');
      await mkdir(pages, { recursive: true });
      await writeFile(join(pages, 'index.html'), '<!doctype html><title>It serves</title><p>It serves.\n');
    },
  },
  node: {
    tag: 'hawser-base/node:latest',
    inputs: [process.execPath, '/bin/busybox', certificates],
    changes: [path, `ENV NODE_EXTRA_CA_CERTS=${certificates}`, 'CMD ["node"]'],
    aliases: [
      'lts-alpine',
      '26-alpine',
      '24-alpine',
      '22-alpine',
      'alpine',
      '24-slim',
      '22-slim',
      'latest',
    ].map((version) => `node:${version}`),
    async fill(root) {
      await addProgram(root, process.execPath, 'usr/local/bin/node');
      await addNpm(root);
      await addBusybox(root);
    },
  },
  python: {
    tag: 'hawser-base/python:latest',
    inputs: ['/bin/busybox', certificates, '/var/lib/dpkg/arch', '/etc/debian_version'],
    changes: [path, 'ENV PYTHONUNBUFFERED=1', `ENV PIP_CERT=${certificates}`, 'CMD ["python3"]'],
    aliases: [
      '3-slim',
      '3-alpine',
      '3.10-alpine',
      '3.12-alpine',
      '3.13-alpine',
      '3.12-slim',
      '3.13-slim',
    ].map((version) => `python:${version}`),
    async fill(root) {
      await addPackages(root, pythonPackages);
      await allowPip(root);
      await addLink(root, 'usr/bin/python', 'python3');
      await addBusybox(root);
    },
  },
  gcc: {
    tag: 'hawser-base/gcc:latest',
    inputs: ['/bin/busybox', certificates, '/etc/debian_version'],
    changes: [path, 'CMD ["sh"]'],
    aliases: ['gcc:latest', 'gcc:14'],
    async fill(root) {
      await addPackages(root, gccPackages);
      await addLink(root, 'usr/bin/cc', 'gcc');
      await addBusybox(root);
    },
  },
};

/** npm is a folder of JavaScript: the one beside this node, or beside the machine's. */
async function addNpm(root: ImageRoot): Promise<void> {
  const places = [join(dirname(process.execPath), '..', 'lib'), '/usr/lib', '/usr/local/lib', '/usr/share'];
  const manifest = await findProgram(
    'npm',
    places.map((place) => join(place, 'node_modules/npm/package.json')).concat('/usr/share/npm/package.json'),
    'npm',
  );
  await addFolder(root, dirname(manifest), 'usr/local/lib/node_modules/npm');
  for (const name of ['npm', 'npx'])
    await addLink(root, `usr/local/bin/${name}`, `../lib/node_modules/npm/bin/${name}-cli.js`);
}

/** In an image of one's own nothing else owns the packages that pip would replace. */
async function allowPip(root: ImageRoot): Promise<void> {
  const lib = join(root.path, 'usr/lib');
  for (const name of await readdir(lib)) {
    if (/^python3\.\d+$/.test(name)) await rm(join(lib, name, 'EXTERNALLY-MANAGED'), { force: true });
  }
}
