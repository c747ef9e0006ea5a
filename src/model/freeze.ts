import type { FreezeWindow } from './freeze-window.ts';

const dayMinutes = 24 * 60;
// No week is without a change, but an hour of it may be left out when the clocks change.
const horizonDays = 16;

/** True while the clock on the wall of the zone shows a time inside the window. */
export function isFrozen(window: FreezeWindow, zone: string, at: Date): boolean {
  return isInside(window, toZone(zone, at).toPlainDateTime());
}

/** When `isFrozen` will next be another than at `at`; null when it stays as it is for ever. */
export function nextChange(window: FreezeWindow, zone: string, at: Date): Date | null {
  const now = isFrozen(window, zone, at);
  const later = listCandidates(window, zone, at)
    .filter((time) => time > at.getTime())
    .sort((a, b) => a - b);
  const found = later.find((time) => isFrozen(window, zone, new Date(time)) !== now);
  return found === undefined ? null : new Date(found);
}

function isInside(window: FreezeWindow, local: Temporal.PlainDateTime): boolean {
  if (window.kind === 'dates') {
    const { compare } = Temporal.PlainDateTime;
    return compare(local, window.from) >= 0 && compare(local, window.to) < 0;
  }
  const ofDay = local.hour * 60 + local.minute;
  const minute = window.kind === 'daily' ? ofDay : (local.dayOfWeek - 1) * dayMinutes + ofDay;
  const { from, to } = window;
  // What ends before it begins goes on over midnight, or over Sunday.
  return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}

/** Times at which it may change: where it begins and ends by the wall's clock, and where that clock jumps. */
function listCandidates(window: FreezeWindow, zone: string, at: Date): number[] {
  const bounds = window.kind === 'dates' ? [window.from, window.to] : listBounds(window, toZone(zone, at));
  return bounds.flatMap((bound) => {
    const local = Temporal.PlainDateTime.from(bound);
    // A time that the clock shows twice may begin it twice.
    const first = local.toZonedDateTime(zone, { disambiguation: 'earlier' });
    const second = local.toZonedDateTime(zone, { disambiguation: 'later' });
    return [...[first, second].map((time) => time.epochMilliseconds), ...listJumps(first)];
  });
}

function listBounds(
  { kind, from, to }: Exclude<FreezeWindow, { kind: 'dates' }>,
  now: Temporal.ZonedDateTime,
): Temporal.PlainDateTime[] {
  const yesterday = now.toPlainDate().subtract({ days: 1 });
  const dates = Array.from({ length: horizonDays }, (_, days) => yesterday.add({ days }));
  return dates.flatMap((date) => {
    const start = kind === 'daily' ? 0 : (date.dayOfWeek - 1) * dayMinutes;
    return [from - start, to - start]
      .filter((minutes) => minutes >= 0 && minutes <= dayMinutes)
      .map((minutes) => date.toPlainDateTime().add({ minutes }));
  });
}

/** Where the clocks change within two days of a time. */
function listJumps(time: Temporal.ZonedDateTime): number[] {
  const jump = time.subtract({ hours: 48 }).getTimeZoneTransition('next');
  const end = time.epochMilliseconds + 48 * 3_600_000;
  return jump === null || jump.epochMilliseconds > end ? [] : [jump.epochMilliseconds];
}

function toZone(zone: string, at: Date): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochMilliseconds(at.getTime()).toZonedDateTimeISO(zone);
}
