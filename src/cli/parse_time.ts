import { InvalidArgumentError } from "./invalid_argument.ts";

const TIME = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/;
const DURATION = /^(?=\d)(?:([\d.]+)d)?(?:([\d.]+)h)?(?:([\d.]+)m)?(?:([\d.]+)s)?$/;
const MS_PER_UNIT = [86_400_000, 3_600_000, 60_000, 1000];
/** The last day whose ISO form has a four-digit year. */
const MAX_TIME_MS = Date.UTC(9999, 11, 31);

/** Parses a time: RFC 3339 (local time without a zone), seconds since 1970, or an age. */
export function parseTime(value: string): Date {
  const time = new Date(toMs(value));
  if (time.getTime() >= 0 && time.getTime() <= MAX_TIME_MS) return time;
  throw new InvalidArgumentError(
    "Expected a time such as 2026-11-23T12:00:00Z, seconds since 1970, or how long ago, such as 1h30m.",
  );
}

/** Returns ms since 1970, or NaN for an invalid time. */
function toMs(value: string): number {
  // Date.parse() would read a date without a time as UTC.
  if (TIME.test(value)) return hasDay(value) ? Date.parse(value.includes("T") ? value : `${value}T00:00`) : NaN;
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value) * 1000;
  const amounts = DURATION.exec(value)?.slice(1);
  if (amounts === undefined) return NaN;
  return amounts.reduce((ms, amount, unit) => ms - Number(amount ?? 0) * MS_PER_UNIT[unit]!, Date.now());
}

/** Whether the month has that day; Date.parse() reads February 30 as a day in March. */
function hasDay(value: string): boolean {
  const [year, month, day] = value.split(/\D/, 3).map(Number) as [number, number, number];
  return day <= new Date(Date.UTC(year, month, 0)).getUTCDate();
}
