import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  allow,
  anyEnv,
  canGive,
  expandRights,
  type Grant,
  limitGrants,
  nobody,
  operator,
  previewsEnv,
  type Right,
  rights,
  roleNames,
  roles,
  type Target,
} from '../../src/model/access.ts';

const appIds = ['shop', 'blog', 'mail'];
const envs = ['production', 'staging', 'preview-login', 'preview-x'];
const aRight = fc.constantFrom(...rights);
const orNull = (values: readonly string[]) => fc.constantFrom(null, ...values);
const aGrant: fc.Arbitrary<Grant> = fc.record({
  appId: orNull(appIds),
  env: orNull([...envs, previewsEnv]),
  rights: fc.uniqueArray(aRight, { minLength: 1, maxLength: 4 }),
});
const someGrants = fc.array(aGrant, { maxLength: 4 });
const toTarget = (app: string, env?: string | typeof anyEnv): Target => ({ app: { id: app }, env });
const aTarget: fc.Arbitrary<Target> = fc.oneof(
  fc.constant(null),
  fc
    .tuple(
      fc.constantFrom(...appIds),
      fc.constantFrom<string | typeof anyEnv | undefined>(undefined, anyEnv, ...envs),
    )
    .map(([app, env]) => toTarget(app, env)),
);
const check = <T extends [unknown, ...unknown[]]>(property: fc.IProperty<T>) =>
  fc.assert(property, { numRuns: 2_000 });

test('more grants, and more rights in them, never allow less', () => {
  check(
    fc.property(someGrants, aGrant, aRight, aTarget, aRight, (grants, more, right, target, another) => {
      if (!allow({ grants }, right, target)) return;
      assert.ok(allow({ grants: [...grants, more] }, right, target));
      const wider = grants.map((grant) => ({ ...grant, rights: [...grant.rights, another] }));
      assert.ok(allow({ grants: wider }, right, target));
    }),
  );
});

test('a grant for one environment reaches no other one, not the app as a whole, not the installation', () => {
  check(
    fc.property(
      aGrant,
      aRight,
      fc.constantFrom(...appIds),
      fc.constantFrom(...envs),
      (given, right, app, env) => {
        const grants = [{ ...given, env: given.env ?? 'staging' }];
        const isPreview = given.env === previewsEnv && env.startsWith('preview-');
        const isThere = isPreview || env === (given.env ?? 'staging');
        if (!isThere) assert.equal(allow({ grants }, right, toTarget(app, env)), false);
        assert.equal(allow({ grants }, right, toTarget(app)), false);
        assert.equal(allow({ grants }, right, null), false);
      },
    ),
  );
});

test('a grant for all previews is for every preview and nothing else, and parts of it can be given', () => {
  const given: Grant = { appId: 'shop', env: previewsEnv, rights: ['push'] };
  const may = (env?: string) => allow({ grants: [given] }, 'push', toTarget('shop', env));
  assert.deepEqual(['preview-a', 'preview-', 'previews', 'staging', undefined].map(may), [
    ...[true, true, false, false, false],
  ]);
  assert.ok(canGive({ grants: [given] }, { ...given, env: 'preview-a' }));
  assert.ok(!canGive({ grants: [{ ...given, env: 'preview-a' }] }, given));
  assert.ok(!canGive({ grants: [given] }, { ...given, env: null }));
  assert.deepEqual(
    limitGrants([given], { ...given, appId: null, env: 'preview-a' }).map(({ env }) => env),
    ['preview-a'],
  );
  assert.deepEqual(limitGrants([given], { ...given, env: 'staging' }), []);
});

test('a grant for another app allows nothing, and no name of an environment is taken for all of them', () => {
  check(
    fc.property(aGrant, aRight, fc.string(), (given, right, env) => {
      const grants = [{ ...given, appId: 'blog' }];
      for (const where of [undefined, anyEnv, env] as const)
        assert.equal(allow({ grants }, right, toTarget('shop', where)), false);
      assert.equal(allow({ grants }, right, null), false);
      const bound = [{ ...given, appId: 'shop', env: 'staging' }];
      if (env !== 'staging') assert.equal(allow({ grants: bound }, right, toTarget('shop', env)), false);
    }),
  );
});

test('what is allowed on the whole is allowed in each part, and in each part is seen', () => {
  check(
    fc.property(
      someGrants,
      aRight,
      fc.constantFrom(...appIds),
      fc.constantFrom(...envs),
      (grants, right, app, env) => {
        if (allow({ grants }, right, null)) assert.ok(allow({ grants }, right, toTarget(app)));
        if (allow({ grants }, right, toTarget(app))) assert.ok(allow({ grants }, right, toTarget(app, env)));
        if (!allow({ grants }, right, toTarget(app, env))) return;
        assert.ok(allow({ grants }, right, toTarget(app, anyEnv)));
        assert.ok(allow({ grants }, 'read', toTarget(app, env)));
      },
    ),
  );
});

test('what a token has of its user is allowed by both, and nothing else', () => {
  check(
    fc.property(someGrants, aGrant, aRight, aTarget, (grants, bounds, right, target) => {
      const left = allow({ grants: limitGrants(grants, bounds) }, right, target);
      const both = allow({ grants }, right, target) && allow({ grants: [bounds] }, right, target);
      if (left) assert.ok(both);
      // Two grants for two environments have no environment in common, though both have one.
      if (both && target?.env !== anyEnv) assert.ok(left);
    }),
  );
});

test('who may give a grant has all of it', () => {
  check(
    fc.property(someGrants, aGrant, aRight, aTarget, (grants, given, right, target) => {
      if (!canGive({ grants }, given)) return;
      if (allow({ grants: [given] }, right, target)) assert.ok(allow({ grants }, right, target));
    }),
  );
  assert.ok(canGive(operator, { appId: null, env: null, rights: ['admin'] }));
  assert.equal(canGive(nobody, { appId: 'shop', env: null, rights: ['read'] }), false);
});

test('each role has all of the one before it; config is written without being read', () => {
  const of = (role: (typeof roleNames)[number]): ReadonlySet<Right> => expandRights(roles[role]);
  for (const [at, role] of roleNames.slice(1).entries()) {
    const before = of(roleNames[at] as (typeof roleNames)[number]);
    assert.ok(
      [...before].every((right) => of(role).has(right)),
      role,
    );
  }
  assert.deepEqual([...of('viewer')].sort(), ['logs', 'read']);
  assert.ok(!of('developer').has('promote') && !of('deployer').has('admin'));
  assert.ok(!expandRights(['config:write']).has('config:read'));
});
