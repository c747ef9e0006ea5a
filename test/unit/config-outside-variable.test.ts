import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { planApply } from '../../src/config/difference.ts';
import { readOutsideVariables, refuseForbiddenOutside } from '../../src/config/outside-variable.ts';
import { passwordsOf } from '../../src/config/passwords.ts';
import { type OutsideValue, readOutside, writeOutside } from '../../src/model/outside-value.ts';
import { assertOneMistake, makeFolder, read } from '../support/config-file.ts';

function openPlace(t: TestContext) {
  const top = makeFolder(t);
  const folder = join(top, 'values');
  mkdirSync(folder);
  const put = (name: string, text: string | Buffer, mode = 0o600) => {
    writeFileSync(join(folder, name), text, { mode });
    return join(folder, name);
  };
  const allowed = {
    folders: [folder, join(top, 'none')],
    names: ['SET', 'UNSET'],
    variables: { SET: 'of env' },
  };
  const readOne = (from: OutsideValue) =>
    readOutsideVariables({ A: writeOutside(from), B: 'as it is' }, allowed);
  return { top, folder, put, allowed, readOne };
}

test('a value is read as it is now, without the line break at its end; others stay as they are', (t) => {
  const { put, readOne } = openPlace(t);
  const file = put('db', 'first\nsecond\n\n');
  assert.deepEqual(readOne({ file }), { A: 'first\nsecond\n', B: 'as it is' });
  put('db', 'anew');
  assert.deepEqual(readOne({ file }), { A: 'anew', B: 'as it is' });
  assert.deepEqual(readOne({ env: 'SET' }), { A: 'of env', B: 'as it is' });
});

test('what deploy.config.json does not name is refused, however it is written', (t) => {
  const { top, folder, allowed } = openPlace(t);
  const forbidden: OutsideValue[] = [
    { file: '/etc/passwd' },
    { file: join(top, 'values-of-others') },
    { file: folder },
    { file: `${folder}/../deploy.config.json` },
    { file: `${folder}//db` },
    { file: `${folder}/a\n` },
    { file: 'values/db' },
    { env: 'PATH' },
    { env: 'set' },
  ];
  for (const from of forbidden) {
    assert.throws(
      () => refuseForbiddenOutside(from, allowed),
      { code: 'outside_not_allowed' },
      JSON.stringify(from),
    );
  }
  assert.throws(() =>
    refuseForbiddenOutside({ file: `${folder}/db` }, { folders: [], names: [], variables: {} }),
  );
});

test('what cannot be read is told by name and place, never by content', (t) => {
  const { top, folder, put, readOne } = openPlace(t);
  writeFileSync(join(top, 'hidden'), 'S3CRET', { mode: 0o600 });
  symlinkSync(join(top, 'hidden'), join(folder, 'link'));
  symlinkSync(top, join(folder, 'way'));
  execFileSync('mkfifo', ['--', join(folder, 'pipe')]);
  const cases: [OutsideValue, RegExp][] = [
    [{ file: join(folder, 'none') }, /A is read from the file .*none: there is no such file/],
    [{ file: join(folder, 'link') }, /a link that leads out of its folder/],
    [{ file: join(folder, 'way', 'hidden') }, /a link that leads out of its folder/],
    [{ file: join(folder, 'pipe') }, /it is not a file/],
    [{ file: put('open', 'S3CRET', 0o644) }, /can be read by others/],
    [{ file: put('large', Buffer.alloc(65 * 1024, 'S3CRET')) }, /larger than 64 KB/],
    [{ file: put('nul', 'S3CRET\0') }, /a NUL in it/],
    [{ env: 'UNSET' }, /A is read from the environment variable UNSET: it is not set/],
  ];
  for (const [from, message] of cases) {
    assert.throws(
      () => readOne(from),
      (error: Error) => {
        assert.equal((error as { code?: string }).code, 'outside_missing');
        assert.match(error.message, message);
        assert.ok(!JSON.stringify([error.message, (error as { fix?: string }).fix]).includes('S3CRET'));
        return true;
      },
    );
  }
});

test('no text that people can set is taken for a place outside', () => {
  for (const from of [{ file: '/a:b' }, { env: 'A' }])
    assert.deepEqual(readOutside(writeOutside(from)), from);
  for (const text of ['', 'file:/etc/passwd', '{"file":"/etc/passwd"}', 'env:PATH']) {
    assert.equal(readOutside(text), undefined);
  }
});

test('the file names folders and variables; their values are hidden', (t) => {
  const secrets = { outside: { folders: ['values'], variables: ['KEY', 'NONE'] } };
  const config = read(t, { secrets }, { KEY: 'S3CRET-of-env', OTHER: 'x' });
  const { folders, names, variables } = config.secrets.outside;
  assert.match(folders.join(), /^\/.*\/values$/);
  assert.deepEqual([names, { ...variables }], [['KEY', 'NONE'], { KEY: 'S3CRET-of-env' }]);
  assert.ok(passwordsOf(config).includes('S3CRET-of-env'));
  const before = read(t, { secrets }, {});
  const { lines } = planApply(before, {
    ...config,
    secrets: { ...before.secrets, outside: config.secrets.outside },
  });
  assert.match(lines.join('\n'), /secrets\.outside\.variables\.KEY: changed \(not shown\)/);
  assert.ok(!lines.join('\n').includes('S3CRET'));
  assertOneMistake(
    t,
    { secrets: { outside: { variables: ['A B'] } } },
    /must be the name of an environment variable/,
  );
});
