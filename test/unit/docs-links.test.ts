import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { root } from '../support/source-files.ts';

const pages = globSync(['*.md', 'docs/**/*.md', 'examples/**/*.md', 'bench/**/*.md'], {
  cwd: root,
}).toSorted();

const read = (path: string) => readFileSync(join(root, path), 'utf8');
const withoutFences = (text: string) => text.replace(/^( *)```[\s\S]*?^\1```$/gm, '');

/** Targets of the links of a page, those to other sites and what only looks like a link in code left out. */
function listTargets(text: string): string[] {
  const prose = withoutFences(text).replace(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target));
}

/** The anchors that a page's headings get: lower case, dashes for blanks, no other signs; a number for twins. */
function listAnchors(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of withoutFences(text).matchAll(/^#{1,6} +(.+?) *$/gm)) {
    const words = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const plain = words.replace(/[^\p{L}\p{N}_ -]/gu, '').replaceAll(' ', '-');
    let anchor = plain;
    for (let twin = 1; anchors.has(anchor); twin += 1) anchor = `${plain}-${twin}`;
    anchors.add(anchor);
  }
  return anchors;
}

function findBroken(page: string, text: string): string[] {
  return listTargets(text).filter((target) => {
    const [file = '', anchor] = target.split('#');
    const path = file === '' ? page : normalize(join(dirname(page), file));
    if (path !== page && !existsSync(join(root, path))) return true;
    if (anchor === undefined) return false;
    return !listAnchors(path === page ? text : read(path)).has(anchor);
  });
}

test('every link and anchor of the pages leads somewhere', () => {
  assert.ok(pages.length > 20, 'the pages were not found');
  const broken = pages.flatMap((page) => findBroken(page, read(page)).map((target) => `${page}: ${target}`));
  assert.deepEqual(broken, []);
});

test('a link to nowhere is found, and code is no link', () => {
  const page = [
    '# One',
    '## Two `words`, and (a) sign',
    '## One',
    '[a](README.md) [b](docs/nowhere.md) [c](#one-1) [d](#three) [e](#two-words-and-a-sign) `[f](x.md)`',
    '[g](https://example.com/x) [h](docs/push.md#options) [i](docs/push.md#nowhere)',
    '```',
    '[j](x.md)',
    '```',
  ].join('\n');
  assert.deepEqual(findBroken('PAGE.md', page), ['docs/nowhere.md', '#three', 'docs/push.md#nowhere']);
});

test('every page of docs/ is named by another one', () => {
  const texts = pages.map((page) => ({ page, text: read(page) }));
  const lonely = pages
    .filter((page) => /^docs\/[^/]+$/.test(page))
    .filter((page) => !texts.some((other) => other.page !== page && other.text.includes(basename(page))));
  assert.deepEqual(lonely, []);
});

test('every test that README.md names is there', () => {
  const named = [...read('README.md').matchAll(/`(test\/[^`*]+\.ts)`/g)].map(([, path = '']) => path);
  assert.ok(named.length > 30, 'the table of claims was not found');
  assert.deepEqual(
    named.filter((path) => !existsSync(join(root, path))),
    [],
  );
});
