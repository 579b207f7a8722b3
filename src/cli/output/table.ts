const GAP = "   ";

/**
 * Rows of cells in aligned columns, the last one ragged; a row may end early.
 *
 * @param width columns of the terminal, at which lines are cut; absent: they are as long as they are
 */
export function formatTable(rows: string[][], width?: number): string {
  const clean = rows.map((row) => row.map(printable));
  const columns = Math.max(...clean.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) => {
    return Math.max(...clean.map((row) => row.length > column + 1 ? widthOf(row[column]!) : 0));
  });
  const lines = clean.map((row) => row.map((cell, column) => pad(cell, widths[column]!)).join(GAP).trimEnd());
  return lines.map((line) => width === undefined ? line : cut(line, width)).join("\n");
}

/** A name from an image or a path can hold anything, a terminal's commands included. */
export function printable(cell: string): string {
  // deno-lint-ignore no-control-regex
  return cell.replace(/[\x00-\x1f\x7f-\x9f]/g, "?");
}

function pad(cell: string, width: number): string {
  return cell + " ".repeat(Math.max(0, width - widthOf(cell)));
}

/** A line of at most so many columns; one that was longer ends with an ellipsis. */
export function cut(line: string, width: number): string {
  if (widthOf(line) <= width) return line;
  let kept = "";
  for (const character of line) {
    if (widthOf(kept) + widthOf(character) >= width) break;
    kept += character;
  }
  return `${kept}\u{2026}`;
}

/** Near enough: names are ASCII, and what follows them is the last column. */
function widthOf(text: string): number {
  return [...text].length;
}
