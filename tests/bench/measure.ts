/** What the benchmarks have in common. */

/** The number behind `--runs`, or `otherwise`. */
export function runsOf(args: readonly string[], otherwise: number): number {
  const index = args.indexOf("--runs");
  return index < 0 ? otherwise : Number(args[index + 1]);
}

export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
