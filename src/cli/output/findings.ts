import type { Finding } from "../../doctor/mod.ts";
import { formatTable, printable } from "./table.ts";

const COLOURS = { ok: "\x1b[32m", warning: "\x1b[33m", error: "\x1b[31m" };
const RESET = "\x1b[0m";

/** A line for each finding, with the way to mend it below, and a last one that sums them up. */
export function formatFindings(findings: Finding[], { colour }: { colour: boolean }): string {
  const table = formatTable(findings.map(({ status, name, found }) => [status, name, found]));
  const lines = table.split("\n").map((line, index) => {
    const { status, hint } = findings[index]!;
    const head = colour ? `${COLOURS[status]}${status}${RESET}${line.slice(status.length)}` : line;
    return hint === null ? head : `${head}\n  ${printable(hint)}`;
  });
  return [...lines, "", sumUp(findings)].join("\n");
}

function sumUp(findings: Finding[]): string {
  const count = (status: Finding["status"]) => findings.filter((finding) => finding.status === status).length;
  const [errors, warnings] = [count("error"), count("warning")];
  if (errors + warnings === 0) return "Everything is there.";
  return `${errors} ${errors === 1 ? "error" : "errors"}, ${warnings} ${warnings === 1 ? "warning" : "warnings"}.`;
}
