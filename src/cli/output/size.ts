const UNITS = ["B", "kB", "MB", "GB", "TB"] as const;

/** An amount of bytes as docker has it, in decimal units and three digits at most: `7.33 MB`. */
export function formatSize(bytes: number): string {
  let [value, unit] = [bytes, 0];
  // What would be rounded up to 1000 is 1 of the next.
  while (value >= 999.5 && unit < UNITS.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${Number(value.toPrecision(value < 1000 ? 3 : 15))} ${UNITS[unit]}`;
}
