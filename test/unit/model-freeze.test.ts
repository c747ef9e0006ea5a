import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isFrozen, nextChange } from '../../src/model/freeze.ts';
import { type FreezeWindow, isTimeZone, parseFreezeWindow } from '../../src/model/freeze-window.ts';

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'America/Sao_Paulo',
  'Asia/Kolkata',
  'Australia/Lord_Howe',
  'Pacific/Auckland',
];
// Clocks change in one or another of the zones; the rest of the year is covered by the random ones.
const jumpDays = [
  '2026-03-08',
  '2026-03-29',
  '2026-04-05',
  '2026-09-27',
  '2026-10-04',
  '2026-10-25',
  '2026-11-01',
];
const names = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

function parse(text: string): FreezeWindow {
  const window = parseFreezeWindow(text);
  assert.ok(!('mistake' in window), `${text}: ${JSON.stringify(window)}`);
  return window;
}

/** What the wall shows, by another library than the one under test: `Mon 2026-03-08 10:15`. */
function openWall(zone: string): (time: number) => { day: string; date: string; time: string } {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    weekday: 'short',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  return (time) => {
    const parts = Object.fromEntries(format.formatToParts(time).map(({ type, value }) => [type, value]));
    const { weekday = '', year, month, day, hour, minute } = parts;
    return { day: weekday, date: `${year}-${month}-${day}`, time: `${hour}:${minute}` };
  };
}

type Oracle = (shown: { day: string; date: string; time: string }) => boolean;

const clock = fc
  .integer({ min: 0, max: 95 })
  .map((n) => `${String(Math.floor(n / 4)).padStart(2, '0')}:${String((n % 4) * 15).padStart(2, '0')}`);
const instant = fc.oneof(
  fc
    .tuple(fc.constantFrom(...jumpDays), fc.integer({ min: -36 * 60, max: 36 * 60 }))
    .map(([day, minutes]) => Date.parse(day) + minutes * minuteMs),
  fc.integer({ min: 0, max: 366 * 24 * 60 }).map((minutes) => Date.parse('2026-01-01') + minutes * minuteMs),
);

const windows: fc.Arbitrary<{ text: string; oracle: Oracle }> = fc
  .oneof(
    fc.tuple(clock, clock).map(([from, to]) => ({
      text: `${from}-${to}`,
      oracle: ({ time }: { time: string }) =>
        from < to ? time >= from && time < to : time >= from || time < to,
    })),
    fc.tuple(fc.nat(6), clock, fc.nat(6), clock).map(([fromDay, from, toDay, to]) => {
      const [begin, end] = [`${fromDay} ${from}`, `${toDay} ${to}`];
      return {
        text: `${names[fromDay]} ${from}-${names[toDay]} ${to}`,
        oracle: ({ day, time }: { day: string; time: string }) => {
          const now = `${names.indexOf(day)} ${time}`;
          return begin < end ? now >= begin && now < end : now >= begin || now < end;
        },
      };
    }),
    fc
      .tuple(fc.constantFrom(...jumpDays), fc.integer({ min: 1, max: 5 }), clock, clock)
      .map(([first, length, from, to]) => {
        const last = new Date(Date.parse(first) + length * dayMs).toISOString().slice(0, 10);
        const [begin, end] = [`${first} ${from}`, `${last} ${to}`];
        const oracle: Oracle = ({ date, time }) => `${date} ${time}` >= begin && `${date} ${time}` < end;
        return { text: `${begin} - ${end}`, oracle };
      }),
  )
  .filter(({ text }) => !('mistake' in parseFreezeWindow(text)));

test('a window is on when the clock on the wall says so, also on days when clocks change', () => {
  fc.assert(
    fc.property(windows, fc.constantFrom(...zones), instant, ({ text, oracle }, zone, at) => {
      assert.equal(isFrozen(parse(text), zone, new Date(at)), oracle(openWall(zone)(at)), `${text} ${zone}`);
    }),
    { numRuns: 2_000 },
  );
});

test('the next change is the first minute in which the clock on the wall says something else', () => {
  const farthest = 8 * dayMs;
  fc.assert(
    fc.property(windows, fc.constantFrom(...zones), instant, ({ text, oracle }, zone, at) => {
      const show = openWall(zone);
      const now = oracle(show(at));
      let expected: number | null = null;
      for (let time = at + minuteMs; time <= at + farthest && expected === null; time += minuteMs) {
        if (oracle(show(time)) !== now) expected = time;
      }
      const next = nextChange(parse(text), zone, new Date(at))?.getTime() ?? null;
      const seen = next !== null && next > at + farthest ? null : next;
      assert.equal(seen, expected, `${text} ${zone} at ${new Date(at).toISOString()}`);
    }),
    { numRuns: 150 },
  );
});

test('a freeze over the weekend is on for a longer weekend when the clocks go back', () => {
  const weekend = parse('Fri 16:00-Mon 08:00');
  const begin = nextChange(weekend, 'Europe/Berlin', new Date('2026-10-22T12:00Z'));
  assert.equal(begin?.toISOString(), '2026-10-23T14:00:00.000Z');
  assert.equal(nextChange(weekend, 'Europe/Berlin', begin)?.toISOString(), '2026-10-26T07:00:00.000Z');
});

test('the last day of dates is inside to its end', () => {
  const holidays = parse('2026-12-20 - 2027-01-02');
  assert.equal(isFrozen(holidays, 'Europe/Berlin', new Date('2027-01-02T22:59Z')), true);
  assert.equal(isFrozen(holidays, 'Europe/Berlin', new Date('2027-01-02T23:00Z')), false);
  assert.equal(nextChange(holidays, 'Europe/Berlin', new Date('2027-01-03T00:00Z')), null);
});

test('what is always on never changes', () => {
  assert.equal(nextChange(parse('Mon 00:00-Sun 24:00'), 'Europe/Berlin', new Date('2026-03-28')), null);
  assert.equal(isFrozen(parse('00:00-24:00'), 'Asia/Tokyo', new Date('2026-03-28')), true);
});

const mistakes: Readonly<Record<string, RegExp>> = {
  'Fri 16:00': /write "Fri 16:00-Mon 08:00"/,
  'always; rm -rf': /write/,
  'Fry 16:00-Mon 08:00': /"Fry" is no day of the week/,
  'Fri 16:60-Mon 08:00': /"16:60" is no time of day/,
  '24:01-06:00': /"24:01" is no time of day/,
  '08:00-08:00': /begins and ends at the same time/,
  'Fri 16:00-Fri 16:00': /begins and ends at the same time/,
  '2026-02-30 - 2026-03-02': /"2026-02-30" is no date/,
  '2026-03-02 - 2026-03-01': /ends before it begins/,
  '2026-12-24 12:00 - 2026-12-24 12:00': /ends before it begins/,
};
for (const [text, says] of Object.entries(mistakes)) {
  test(`"${text}" is refused with what is wrong`, () => {
    const window = parseFreezeWindow(text);
    assert.ok('mistake' in window);
    assert.match(window.mistake, says);
  });
}

test('a time zone is a place, not an offset', () => {
  const known = ['Europe/Berlin', 'UTC', 'Europe/Berlyn', '+01:00', '', 'local'].map(isTimeZone);
  assert.deepEqual(known, [true, true, false, false, false, false]);
});
