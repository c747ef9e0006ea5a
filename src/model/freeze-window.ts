/**
 * When nothing is deployed, by the clock on the wall of a place: every week, every day, or once. Minutes are
 * counted from the beginning of the week (Monday) or of the day; `dates` are local times, the last one outside.
 */
export type FreezeWindow =
  | { readonly kind: 'weekly'; readonly from: number; readonly to: number }
  | { readonly kind: 'daily'; readonly from: number; readonly to: number }
  | { readonly kind: 'dates'; readonly from: string; readonly to: string };

export type Mistake = { readonly mistake: string };

const dayMinutes = 24 * 60;
const days = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];

const dayTime = String.raw`([a-z]{3,9}) (\d{2}:\d{2})`;
const dateTime = String.raw`(\d{4}-\d{2}-\d{2})(?:[ T](\d{2}:\d{2}))?`;
const weekly = new RegExp(`^${dayTime}\\s*-\\s*${dayTime}$`, 'i');
const daily = /^(\d{2}:\d{2})\s*-\s*(\d{2}:\d{2})$/;
const dates = new RegExp(`^${dateTime}\\s+-\\s+${dateTime}$`);

const grammar =
  'write "Fri 16:00-Mon 08:00", "22:00-06:00", "2026-12-20 - 2027-01-02" or "2026-12-24 12:00 - 2026-12-27 08:00"';

/** A window as people write it. */
export function parseFreezeWindow(text: string): FreezeWindow | Mistake {
  const trimmed = text.trim().replace(/\s+/g, ' ');
  const [, fromDay = '', fromTime = '', toDay = '', toTime = ''] = weekly.exec(trimmed) ?? [];
  if (fromDay !== '') return parseWeekly([fromDay, fromTime], [toDay, toTime]);
  const [, begin, end] = daily.exec(trimmed) ?? [];
  if (begin !== undefined && end !== undefined) return parseDaily(begin, end);
  const once = dates.exec(trimmed);
  if (once !== null) return parseDates([once[1] ?? '', once[2]], [once[3] ?? '', once[4]]);
  return { mistake: grammar };
}

type DayTime = readonly [day: string, time: string];

function parseWeekly(from: DayTime, to: DayTime): FreezeWindow | Mistake {
  const ends = [from, to].map(([day]) => findDay(day));
  const bad = [from, to].find((_, index) => ends[index] === -1);
  if (bad !== undefined) return { mistake: `"${bad[0]}" is no day of the week: use Mon to Sun` };
  const [first, last] = [parseTime(from[1]), parseTime(to[1])];
  if (first === null || last === null) return badTime(first === null ? from[1] : to[1]);
  const [start, end] = [(ends[0] ?? 0) * dayMinutes + first, (ends[1] ?? 0) * dayMinutes + last];
  return start === end ? empty : { kind: 'weekly', from: start, to: end };
}

function findDay(word: string): number {
  const lower = word.toLowerCase();
  return days.findIndex((day) => day === lower || day.slice(0, 3) === lower);
}

function parseDaily(from: string, to: string): FreezeWindow | Mistake {
  const [first, last] = [parseTime(from), parseTime(to)];
  if (first === null || last === null) return badTime(first === null ? from : to);
  return first === last ? empty : { kind: 'daily', from: first, to: last };
}

type DateTime = readonly [date: string, time: string | undefined];

/** A last day without a time is inside to its end. */
function parseDates(from: DateTime, to: DateTime): FreezeWindow | Mistake {
  const [start, end] = [toLocal(from, 0), toLocal(to, dayMinutes)];
  if (start === null) return { mistake: `"${from.join(' ').trim()}" is no date and time that there is` };
  if (end === null) return { mistake: `"${to.join(' ').trim()}" is no date and time that there is` };
  if (Temporal.PlainDateTime.compare(start, end) >= 0) return { mistake: 'it ends before it begins' };
  return { kind: 'dates', from: write(start), to: write(end) };
}

function toLocal([date, time]: DateTime, otherwise: number): Temporal.PlainDateTime | null {
  const minutes = time === undefined ? otherwise : parseTime(time);
  if (minutes === null) return null;
  try {
    return Temporal.PlainDate.from(date, { overflow: 'reject' }).toPlainDateTime().add({ minutes });
  } catch {
    // 2026-02-30 has the form of a date and is none.
    return null;
  }
}

function write(local: Temporal.PlainDateTime): string {
  return local.toString({ smallestUnit: 'minute' });
}

/** Minutes of `HH:MM`, 24:00 for the end of a day; null for what no clock shows. */
function parseTime(text: string): number | null {
  const [hours = 0, minutes = 0] = text.split(':').map(Number);
  const all = hours * 60 + minutes;
  return minutes > 59 || all > dayMinutes ? null : all;
}

function badTime(text: string): Mistake {
  return { mistake: `"${text}" is no time of day: use 00:00 to 24:00` };
}

const empty: Mistake = { mistake: 'it begins and ends at the same time, so it would never be' };

/** True for a place of the time zone database, like `Europe/Berlin`; an offset knows no summer time and is none. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]{1,60}$/.test(name)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
