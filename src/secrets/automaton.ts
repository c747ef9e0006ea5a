/** Finds many patterns at once, each character looked at once (Aho and Corasick, 1975). */
export type Automaton = {
  /** The state behind a character (UTF-16 code unit). 0 is the start. */
  step(state: number, code: number): number;
  /** How many characters of some pattern end here at the most. */
  depth(state: number): number;
  /** Length of the longest pattern that ends here, 0 for none. */
  match(state: number): number;
};

/** The tree of the patterns in flat arrays: a long value costs a few bytes for each of its characters. */
type Tree = {
  readonly code: Uint16Array;
  readonly child: Int32Array;
  readonly sibling: Int32Array;
  readonly fail: Int32Array;
  readonly depth: Int32Array;
  readonly match: Int32Array;
  /** From the start there are many ways: they are looked up. */
  readonly roots: Map<number, number>;
};

/** Empty patterns are left out. Pure. */
export function buildAutomaton(patterns: readonly string[]): Automaton {
  const tree = growTree(patterns);
  linkFails(tree);
  return {
    step: (state, code) => stepFrom(tree, state, code),
    depth: (state) => tree.depth[state] ?? 0,
    match: (state) => tree.match[state] ?? 0,
  };
}

function growTree(patterns: readonly string[]): Tree {
  const size = 1 + patterns.reduce((sum, pattern) => sum + pattern.length, 0);
  const ints = () => new Int32Array(size);
  const tree: Tree = {
    code: new Uint16Array(size),
    child: ints(),
    sibling: ints(),
    fail: ints(),
    depth: ints(),
    match: ints(),
    roots: new Map(),
  };
  let next = 1;
  for (const pattern of patterns) {
    let state = 0;
    for (let at = 0; at < pattern.length; at += 1) {
      const code = pattern.charCodeAt(at);
      const found = findChild(tree, state, code);
      state = found === 0 ? addChild(tree, state, { code, node: next++ }) : found;
    }
    tree.match[state] = pattern.length;
  }
  return tree;
}

function addChild(tree: Tree, state: number, { code, node }: { code: number; node: number }): number {
  tree.code[node] = code;
  tree.depth[node] = (tree.depth[state] ?? 0) + 1;
  tree.sibling[node] = tree.child[state] ?? 0;
  tree.child[state] = node;
  if (state === 0) tree.roots.set(code, node);
  return node;
}

/** 0 for none: the start is nobody's child. */
function findChild(tree: Tree, state: number, code: number): number {
  if (state === 0) return tree.roots.get(code) ?? 0;
  let node = tree.child[state] ?? 0;
  while (node !== 0 && tree.code[node] !== code) node = tree.sibling[node] ?? 0;
  return node;
}

function stepFrom(tree: Tree, from: number, code: number): number {
  let state = from;
  while (state !== 0) {
    const found = findChild(tree, state, code);
    if (found !== 0) return found;
    state = tree.fail[state] ?? 0;
  }
  return findChild(tree, 0, code);
}

/** Level by level: where it goes on when no longer pattern fits. */
function linkFails(tree: Tree): void {
  const queue: number[] = [0];
  for (let at = 0; at < queue.length; at += 1) {
    const state = queue[at] ?? 0;
    for (let node = tree.child[state] ?? 0; node !== 0; node = tree.sibling[node] ?? 0) {
      const fail = state === 0 ? 0 : stepFrom(tree, tree.fail[state] ?? 0, tree.code[node] ?? 0);
      tree.fail[node] = fail;
      tree.match[node] = Math.max(tree.match[node] ?? 0, tree.match[fail] ?? 0);
      queue.push(node);
    }
  }
}
