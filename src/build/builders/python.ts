import { appUser, type Builder, copyOwned } from '../builder.ts';

const starts = ['app.py', 'main.py', 'server.py', 'manage.py'];
const lists = ['requirements.txt', 'pyproject.toml', 'setup.py'];

/** pip installs what the app lists; the Procfile's web, or app.py or main.py, is what runs. */
export const pythonBuilder: Builder = {
  name: 'Python',
  looksFor: [...lists, ...starts].join(', '),
  reads: [],
  detect: (files) => [...lists, ...starts].some((name) => files.has(name)),
  dockerfile: ({ files }, bases) => {
    const start = starts.find((name) => files.has(name));
    const command =
      start === 'manage.py' ? ['python', start, 'runserver', '0.0.0.0:8080'] : ['python', start ?? 'app.py'];
    return [
      `FROM ${bases.python}`,
      'ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp',
      ...planInstall(files),
      `USER ${appUser}`,
      `CMD ${JSON.stringify(command)}`,
      '',
    ].join('\n');
  },
};

/** It is installed as root, so that its programs are on the search path. */
function planInstall(files: ReadonlySet<string>): string[] {
  if (files.has('requirements.txt')) {
    return [
      `${copyOwned} requirements.txt /app/`,
      'WORKDIR /app',
      'RUN pip install --no-cache-dir -r requirements.txt',
      `${copyOwned} . .`,
    ];
  }
  const isPackage = files.has('pyproject.toml') || files.has('setup.py');
  return [`${copyOwned} . /app/`, 'WORKDIR /app', ...(isPackage ? ['RUN pip install --no-cache-dir .'] : [])];
}
