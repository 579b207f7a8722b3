import { columnsOf } from "../terminal.ts";
import { writeError } from "./print.ts";

const ERASE_LINE = "\r\x1b[K";
/** What is drawn on a terminal that does not say how wide it is. */
const DEFAULT_COLUMNS = 80;

/** The last line of the terminal that standard error is, drawn over again until it is erased. */
export class LastLine implements Disposable {
  #isDrawn = false;

  get isDrawn(): boolean {
    return this.#isDrawn;
  }

  /** Draws what `format` makes for a terminal of so many columns: less, as behind the last one begins another line. */
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
