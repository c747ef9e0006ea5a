import { appUser, type Builder, copyOwned, type Detection } from '../builder.ts';

const lockFiles = ['package-lock.json', 'npm-shrinkwrap.json'];

/** npm's own way: install what the lock file says, then `npm start`, `node server.js` or the package's main. */
export const nodeBuilder: Builder = {
  name: 'Node',
  looksFor: 'package.json',
  reads: ['package.json'],
  detect: (files) => files.has('package.json'),
  dockerfile: (detection, bases) => {
    const locked = lockFiles.filter((name) => detection.files.has(name));
    const install =
      locked.length > 0
        ? 'npm ci --omit=dev --no-audit --no-fund'
        : 'npm install --omit=dev --no-audit --no-fund';
    const manifest = parsePackage(detection.contents['package.json'] ?? null);
    // A postinstall or a path like file:./lib needs the sources before npm runs.
    const early = needsSources(manifest)
      ? [`${copyOwned} . /app/`]
      : [`${copyOwned} ${['package.json', ...locked].join(' ')} /app/`];
    return [
      `FROM ${bases.node}`,
      'ENV NODE_ENV=production HOME=/tmp',
      ...early,
      'WORKDIR /app',
      `USER ${appUser}`,
      `RUN ${install}`,
      `${copyOwned} . .`,
      ...(typeof manifest.scripts.build === 'string' ? ['RUN npm run build --if-present'] : []),
      `CMD ${JSON.stringify(planCommand(manifest, detection))}`,
      '',
    ].join('\n');
  },
};

type Package = {
  readonly main: string | null;
  readonly scripts: Readonly<Record<string, unknown>>;
  readonly deps: readonly string[];
};

function parsePackage(text: string | null): Package {
  const value = Object(parse(text ?? '{}'));
  const { main, scripts, dependencies, optionalDependencies, workspaces } = value;
  const versions = [...Object.values(Object(dependencies)), ...Object.values(Object(optionalDependencies))];
  return {
    main: typeof main === 'string' && main !== '' ? main : null,
    scripts: Object(scripts),
    deps: [...versions.map(String), ...(workspaces === undefined ? [] : ['workspace:'])],
  };
}

/** npm itself tells its user what is wrong with a package.json, with a better message than ours. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

function needsSources({ scripts, deps }: Package): boolean {
  const hooks = ['preinstall', 'install', 'postinstall', 'prepare'];
  return (
    hooks.some((hook) => hook in scripts) || deps.some((dep) => /^(?:file:|link:|workspace:|\.|\/)/.test(dep))
  );
}

function planCommand({ main, scripts }: Package, { files }: Detection): string[] {
  if (typeof scripts.start === 'string') return ['npm', 'start'];
  const usual = ['server.js', 'index.js', 'app.js', 'main.js', 'index.mjs', 'server.mjs'];
  return ['node', main ?? usual.find((name) => files.has(name)) ?? 'server.js'];
}
