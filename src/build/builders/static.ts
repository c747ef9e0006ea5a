import { appUser, type Builder } from '../builder.ts';

const folders = ['', 'public/', 'dist/', 'site/', 'www/', '_site/'];

/** Plain files, served by busybox httpd on $PORT. */
export const staticBuilder: Builder = {
  name: 'static files',
  looksFor: 'index.html (also in public, dist, site, www, _site)',
  reads: [],
  detect: (files) => folders.some((folder) => files.has(`${folder}index.html`)),
  dockerfile: ({ files }, bases) => {
    const folder = folders.find((name) => files.has(`${name}index.html`)) ?? '';
    return [
      `FROM ${bases.static}`,
      `COPY ${folder === '' ? '.' : folder} /www`,
      'ENV PORT=8080',
      `USER ${appUser}`,
      // exec, so that the signal to stop reaches it.
      'CMD ["/bin/sh", "-c", "exec busybox httpd -f -p \\"$PORT\\" -h /www"]',
      '',
    ].join('\n');
  },
};
