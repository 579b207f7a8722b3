import type { Finding } from "../../doctor/mod.ts";
import { formatTable, printable } from "./table.ts";
import { wrap } from "./wrap.ts";

const COLOURS = { ok: "\x1b[32m", warning: "\x1b[33m", error: "\x1b[31m" };
const RESET = "\x1b[0m";
const GAP = "   ";
const INDENT = "  ";
/** What was found stands behind its name unless that leaves it less. */
const LEAST_COLUMNS = 30;

/** How findings are shown. */
export interface FindingsFormat {
  colour: boolean;
  /** Columns of the terminal, at which lines are wrapped; absent: they are as long as they are. */
  width?: number | undefined;
}

/** A line for each finding, with the way to fix it below, and a last one that sums them up. */
export function formatFindings(findings: Finding[], { colour, width = Infinity }: FindingsFormat): string {
  const heads = formatTable(findings.map(({ status, name }) => [status, name])).split("\n");
  const start = Math.max(...heads.map((head) => head.length)) + GAP.length;
  const below = (text: string) => wrap(`${INDENT}${printable(text)}`, { width, indent: INDENT });
  const lines = findings.flatMap(({ status, found, hint }, index) => {
    const head = heads[index]!;
    const coloured = colour ? `${COLOURS[status]}${status}${RESET}${head.slice(status.length)}` : head;
    const beside = () => wrap(printable(found), { width: width - start }).split("\n").join(`\n${" ".repeat(start)}`);
    const shown = width - start < LEAST_COLUMNS
      ? [coloured, below(found)]
      : [`${coloured}${" ".repeat(start - head.length)}${beside()}`];
    return hint === null ? shown : [...shown, below(hint)];
  });
  return [...lines, "", sumUp(findings)].join("\n");
}

function sumUp(findings: Finding[]): string {
  const count = (status: Finding["status"]) => findings.filter((finding) => finding.status === status).length;
  const [errors, warnings] = [count("error"), count("warning")];
  if (errors + warnings === 0) return "No problems found.";
  return `${errors} ${errors === 1 ? "error" : "errors"}, ${warnings} ${warnings === 1 ? "warning" : "warnings"}.`;
}
