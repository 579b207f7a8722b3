const DECIMAL = ["B", "kB", "MB", "GB", "TB"];
const BINARY = ["B", "KiB", "MiB", "GiB", "TiB"];

/** Formats bytes as docker does, in decimal units with at most three digits: `7.33 MB`. */
export function formatSize(bytes: number): string {
  return format(bytes, 1000, DECIMAL);
}

/** Formats a memory or disk size in binary units, like the options of these sizes: `7.33 MiB`. */
export function formatMemory(bytes: number): string {
  return format(bytes, 1024, BINARY);
}

/** Formats a memory or disk size without rounding: `512 MiB`, `1.5 GiB`, `134217727 B`. */
export function formatExact(bytes: number): string {
  const index = BINARY.findLastIndex((_, power) => {
    const value = bytes / 1024 ** power;
    return value >= 1 && Number.isInteger(value * 100);
  });
  return `${bytes / 1024 ** Math.max(0, index)} ${BINARY[Math.max(0, index)]}`;
}

function format(bytes: number, base: number, units: string[]): string {
  let [value, unit] = [bytes, 0];
  // A value that rounds up to `base` becomes 1 of the next unit.
  while (round(value) >= base && unit < units.length - 1) [value, unit] = [value / base, unit + 1];
  return `${round(value)} ${units[unit]}`;
}

function round(value: number): number {
  return value < 1000 ? Number(value.toPrecision(3)) : Math.round(value);
}
