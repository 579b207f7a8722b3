import { wrap } from "./wrap.ts";

const GAP = "   ";
/** The gap on a terminal that is too narrow for {@linkcode GAP}. */
const NARROW_GAP = " ";
/** The least width of a shortened column, unless its header is longer; IDs and numbers stay whole. */
const LEAST_COLUMNS = 12;

/**
 * Formats rows as aligned columns; the first row has the headers. The last column is not padded; a row may end early.
 *
 * @param width width of the terminal, for which the longest columns are shortened; if it is still too narrow, each row
 * becomes a block of lines. Absent: columns are not shortened.
 */
export function formatTable(rows: string[][], width = Infinity): string {
  const clean = rows.map((row) => row.map(printable));
  for (const gap of [GAP, NARROW_GAP]) {
    const widths = shrink(clean, width - gap.length * (columnsIn(clean) - 1));
    if (widths) return clean.map((row) => formatRow(row, widths, { gap, width })).join("\n");
  }
  return formatBlocks(clean, width);
}

function columnsIn(rows: string[][]): number {
  return Math.max(...rows.map((row) => row.length));
}

/** Returns column widths of at most `room` in total, shortening the longest first; `undefined` if they do not fit. */
function shrink(rows: string[][], room: number): number[] | undefined {
  const columns = columnsIn(rows);
  // A cell that ends its row early does not widen its column.
  const measure = (row: string[], column: number) => row.length > column + 1 || row.length === columns;
  const widths = Array.from({ length: columns }, (_, column) => {
    return Math.max(0, ...rows.map((row) => measure(row, column) ? widthOf(row[column] ?? "") : 0));
  });
  const least = widths.map((width, column) =>
    Math.min(width, Math.max(LEAST_COLUMNS, widthOf(rows[0]?.[column] ?? "")))
  );
  let excess = widths.reduce((sum, width) => sum + width, 0) - room;
  for (; excess > 0; excess--) {
    const spare = widths.map((width, column) => width > least[column]! ? width : 0);
    const widest = spare.lastIndexOf(Math.max(...spare));
    if (!spare[widest]) return undefined;
    widths[widest]!--;
  }
  return widths;
}

function formatRow(row: string[], widths: number[], { gap, width }: { gap: string; width: number }): string {
  const cells = row.map((cell, column) => {
    if (column < row.length - 1) return pad(cut(cell, widths[column]!), widths[column]!);
    const start = widths.slice(0, column).reduce((sum, width) => sum + width + gap.length, 0);
    return cut(cell, width - start);
  });
  return cells.join(gap).trimEnd();
}

/** Formats each row as a block with a line per cell, after its header; without rows, formats only the headers. */
function formatBlocks([headers = [], ...rows]: string[][], width: number): string {
  if (rows.length === 0) return wrap(headers.join(" "), { width });
  const start = Math.max(...headers.map(widthOf)) + 1;
  const format = (cell: string, column: number) => {
    const [first = "", ...others] = wrap(cell, { width: Math.max(1, width - start) }).split("\n");
    return [`${pad(headers[column] ?? "", start)}${first}`, ...others.map((line) => " ".repeat(start) + line)];
  };
  const blocks = rows.map((row) => row.flatMap((cell, column) => cell === "" ? [] : format(cell, column)));
  return blocks.map((lines) => lines.join("\n")).join("\n\n");
}

/** Replaces control characters: names from images and paths may contain terminal escape sequences. */
export function printable(cell: string): string {
  // deno-lint-ignore no-control-regex
  return cell.replace(/[\x00-\x1f\x7f-\x9f]/g, "?");
}

function pad(cell: string, width: number): string {
  return cell + " ".repeat(Math.max(0, width - widthOf(cell)));
}

/** Shortens a line to `width` columns; a shortened line ends with an ellipsis. */
export function cut(line: string, width: number): string {
  if (widthOf(line) <= width) return line;
  let kept = "";
  for (const character of line) {
    if (widthOf(kept) + widthOf(character) >= width) break;
    kept += character;
  }
  return `${kept}\u{2026}`;
}

/** Counts characters, which is accurate enough: names are ASCII, and other text is in the last column. */
function widthOf(text: string): number {
  return [...text].length;
}
