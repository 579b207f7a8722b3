import type { Finding } from "../../doctor/mod.ts";
import { formatTable, printable } from "./table.ts";
import { wrap } from "./wrap.ts";

const COLOURS = { ok: "\x1b[32m", warning: "\x1b[33m", error: "\x1b[31m" };
const RESET = "\x1b[0m";
const GAP = "   ";
const INDENT = "  ";
/** Findings go below the check's name when fewer columns are left beside it. */
const LEAST_COLUMNS = 30;

/** How to format findings. */
export interface FindingsFormat {
  colour: boolean;
  /** Width of the terminal, in columns; absent: do not wrap lines. */
  width?: number | undefined;
}

/** Formats a line for each finding, with its hint below, and a summary as the last line. */
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
