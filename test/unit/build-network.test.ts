import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refuseFetching } from '../../src/build/network.ts';
import { BuildProgress } from '../../src/build/progress.ts';
import { isRoot } from '../../src/model/image-user.ts';

test('where builds have no network, the engine fetches nothing for them either', () => {
  const fetching = [
    'ADD http://169.254.169.254/latest/meta-data/ /keys',
    'add --chown=1:1 https://example.com/x.tar /x',
    'ADD ["http://example.com/x", "/x"]',
    'ADD \\\n  a.txt \\\n# why\n\n  HTTP://example.com/x /y',
    '# escape=`\nADD `\n http://example.com/x /y',
    'RUN echo \\`\nADD http://example.com/x /y',
    'ARG FROM_WHERE\nADD $FROM_WHERE /x',
    'ONBUILD ADD ftp://example.com/x /x',
  ];
  for (const text of fetching) {
    assert.throws(() => refuseFetching(`FROM x\n${text}\n`, 'none'), { code: 'build_network_off' }, text);
    refuseFetching(`FROM x\n${text}\n`, 'engine');
  }
  for (const text of ['ADD a.tar /', 'RUN echo ADD http://x', '# ADD http://x', 'COPY --from=a $X /x']) {
    refuseFetching(`FROM x\n${text}\n`, 'none');
  }
});

test('of the layers that a build names only those are its own that it made', () => {
  const progress = new BuildProgress(() => undefined);
  const id = (digit: string) => digit.repeat(12);
  const said = [
    'Step 1/4 : FROM base\n',
    ` ---> ${id('a')}\n`,
    'Step 2/4 : RUN one\n',
    ' ---> Using cache\n',
    ` ---> ${id('b')}\n`,
    'Step 3/4 : RUN two\n',
    ` ---> Running in ${id('c')}\n`,
    `Removing intermediate container ${id('c')}\n`,
    ` ---> ${id('d')}\n`,
    'Step 4/4 : COPY x /x\n',
    ` ---> ${id('e')}\n`,
  ];
  for (const stream of said) progress.take({ stream });
  assert.deepEqual(progress.layers, [id('d'), id('e')]);
});

test('an image runs as root when it names root, its number, or nobody', () => {
  for (const user of ['', 'root', '0', '00', '0:1000', 'root:staff', ':1000']) assert.ok(isRoot(user), user);
  for (const user of ['node', '1000', '1000:0', 'rooty', '65534']) assert.ok(!isRoot(user), user);
});
