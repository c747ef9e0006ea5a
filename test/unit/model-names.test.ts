import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isPreviewName, previewName } from '../../src/model/names.ts';

test('a preview is named by its branch, and branches that look alike are told apart', () => {
  assert.equal(previewName('preview/login-form'), 'preview-login-form');
  assert.match(previewName('preview/Login_Form'), /^preview-login-form-[0-9a-f]{6}$/);
  assert.match(previewName('preview/team/login-form'), /^preview-login-form-[0-9a-f]{6}$/);
  assert.notEqual(previewName('preview/Login_Form'), previewName('preview/login_form'));
});

test('whatever the branch, the name is one that fits into a domain and a container', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (branch) => {
      const name = previewName(`preview/${branch}`);
      assert.match(name, /^preview-[a-z0-9](?:[a-z0-9-]{0,28}[a-z0-9])?$/);
      assert.ok(isPreviewName(name));
    }),
  );
});
