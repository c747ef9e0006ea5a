import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeForecast, type Forecast } from '../../src/pipeline/forecast/forecast.ts';

const nothing = { vars: [], processes: [], image: false, commit: null, domains: { added: [], removed: [] } };
const forecast: Forecast = {
  app: 'shop',
  env: 'production',
  what: 'promotion of staging v12',
  version: 8,
  difference: { ...nothing, image: true, commit: { from: 'a'.repeat(40), to: 'b'.repeat(40) } },
  refusals: ['shop is locked by ada'],
  gates: ['release command'],
  superseded: [41],
  strategy: 'rolling',
  servers: [
    {
      server: 'app1',
      unreachable: null,
      pull: 3 * 2 ** 20,
      start: ['shop-production-v8-web-1'],
      admit: ['shop-production-v8-web-1'],
      dismiss: ['shop-production-v7-web-1'],
      retire: ['shop-production-v7-web-1'],
    },
    { server: 'app2', unreachable: 'no route', pull: null, start: [], admit: [], dismiss: [], retire: [] },
    { server: 'app3', unreachable: null, pull: 0, start: [], admit: [], dismiss: [], retire: [] },
  ],
};

test('a forecast says what differs, what comes first and what every server does, and that nothing was done', () => {
  assert.deepEqual(describeForecast(forecast), [
    '-----> Plan of v8 for shop/production: promotion of staging v12',
    '       commit: aaaaaaa -> bbbbbbb',
    '       supersedes deploy 41',
    '       first: release command',
    '       strategy: rolling',
    '       app1  pull 3.0 MB of disk; start shop-production-v8-web-1; admit shop-production-v8-web-1; ' +
      'dismiss shop-production-v7-web-1; retire shop-production-v7-web-1',
    ' !     app2  is out of reach: no route',
    '       app3  has the image',
    ' !     shop is locked by ada',
    '=====> Planned only, nothing was changed',
  ]);
  assert.ok(describeForecast({ ...forecast, difference: nothing }).includes('       nothing differs'));
});
