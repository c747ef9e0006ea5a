import assert from 'node:assert/strict';
import { test } from 'node:test';
import { auditActions } from '../../src/api/audit-actions.ts';
import { routes } from '../../src/api/routes.ts';

test('every route that changes something has its action in the audit log, and no other has', () => {
  const changing = routes
    .filter(({ method }) => method !== 'GET')
    .map(({ method, path }) => `${method} ${path}`);
  assert.deepEqual(Object.keys(auditActions).toSorted(), changing.toSorted());
});
