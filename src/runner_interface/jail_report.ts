import { Fields } from "../fields.ts";

/** The output of a process that tries to enter a jail: for each part why it failed; null: it works. */
export interface JailReport {
  /** The private root. */
  root: string | null;
  /** The system call filters. */
  filters: string | null;
}

/**
 * Reads a report.
 *
 * @throws {SmolvmError} `internal`.
 */
export function parseJailReport(json: string): JailReport {
  const fields = new Fields(JSON.parse(json), { what: "Jail report", code: "internal" });
  const text = (key: keyof JailReport) => fields.has(key) ? fields.string(key) : null;
  const report = { root: text("root"), filters: text("filters") };
  fields.end();
  return report;
}
