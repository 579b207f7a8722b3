import { columnsOf } from "../terminal.ts";
import { writeError } from "./print.ts";

const ERASE_LINE = "\r\x1b[K";
/** The width of a terminal that does not report its width. */
const DEFAULT_COLUMNS = 80;

/** The last line of the terminal on standard error, which can be redrawn and erased. */
export class LastLine implements Disposable {
  #isDrawn = false;

  get isDrawn(): boolean {
    return this.#isDrawn;
  }

  /** Draws the text that `format` returns for the terminal's width; it must be shorter than the terminal is wide. */
  draw(format: (columns: number) => string): void {
    this.#isDrawn = true;
    write(`${ERASE_LINE}${format(columnsOf(Deno.stderr) ?? DEFAULT_COLUMNS)}`);
  }

  erase(): void {
    if (this.#isDrawn) write(ERASE_LINE);
    this.#isDrawn = false;
  }

  [Symbol.dispose](): void {
    this.erase();
  }
}

function write(text: string): void {
  writeError(new TextEncoder().encode(text));
}
