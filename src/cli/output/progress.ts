import type { CopyProgress } from "../../requests/copy.ts";
import { LastLine } from "./last_line.ts";
import { printError } from "./print.ts";
import { formatSize } from "../../size.ts";
import { printable } from "./table.ts";

const BAR_WIDTH = 24;
/** The least time between two redraws: drawing costs more than copying a small file. */
const INTERVAL_MS = 100;

/** Formats `big  [=====>    ]  50%  100 MB of 200 MB` for a terminal of this width; cuts the start of a long name. */
export function formatProgress({ file, fileBytes, fileDone }: CopyProgress, columns: number): string {
  const part = fileBytes === 0 ? 1 : fileDone / fileBytes;
  const filled = Math.floor(part * BAR_WIDTH);
  const bar = `${"=".repeat(filled)}${filled < BAR_WIDTH ? ">" : ""}`.padEnd(BAR_WIDTH);
  const percent = `${Math.floor(part * 100)}%`.padStart(4);
  const end = `[${bar}] ${percent}  ${formatSize(fileDone)} of ${formatSize(fileBytes)}`;
  const name = [...printable(file)];
  // The last column stays free: after it, a terminal wraps the line.
  const room = Math.max(0, columns - end.length - 3);
  const shown = name.length > room ? ["\u{2026}", ...name.slice(name.length - room + 1)].slice(0, room) : name;
  return [shown.join(""), end].filter((text) => text !== "").join("  ").slice(0, Math.max(0, columns - 1));
}

/** Shows the progress of a copy on the last line of the terminal on standard error, until it is disposed of. */
export class ProgressLine implements Disposable {
  /** Bytes copied so far. */
  done = 0;
  #drawnMs = -INTERVAL_MS;
  readonly #line = new LastLine();

  draw(progress: CopyProgress): void {
    this.done = progress.done;
    const now = performance.now();
    if (now - this.#drawnMs < INTERVAL_MS) return;
    this.#drawnMs = now;
    this.#line.draw((columns) => formatProgress(progress, columns));
  }

  /** Erases the progress and prints a line. */
  say(text: string): void {
    this.#line.erase();
    printError(printable(text));
  }

  [Symbol.dispose](): void {
    this.#line.erase();
  }
}
