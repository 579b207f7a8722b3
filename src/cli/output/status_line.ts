import type { Phase } from "../../machine/launch.ts";
import { LastLine } from "./last_line.ts";
import { cut, printable } from "./table.ts";

/** How long something may take before people are told what it is, in ms. */
export const DELAY_MS = 1000;

const DOING: Record<Phase, string> = { pull: "Pulling", load: "Loading", prepare: "Preparing", boot: "Booting" };

/** What a machine's start is at, for a terminal of so many columns: `Booting web...`. */
export function formatStatus(phase: Phase, what: string, columns: number): string {
  return cut(`${DOING[phase]} ${printable(what)}\u{2026}`, columns - 1);
}

/** What is waited for, on the terminal that standard error is; nothing unless it takes long. */
export class StatusLine implements Disposable {
  readonly #line: Pick<LastLine, "draw" | "erase" | "isDrawn">;
  #format: (columns: number) => string = () => "";
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(line: Pick<LastLine, "draw" | "erase" | "isDrawn"> = new LastLine()) {
    this.#line = line;
  }

  /** Says what is waited for from now on. */
  show(phase: Phase, what: string): void {
    this.#format = formatStatus.bind(undefined, phase, what);
    if (this.#line.isDrawn) this.#line.draw(this.#format);
    else this.#timer ??= setTimeout(() => this.#line.draw(this.#format), DELAY_MS);
  }

  /** Makes way for what others write: the line is not back before the next wait has taken long. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#line.erase();
  }

  [Symbol.dispose](): void {
    this.clear();
  }
}
