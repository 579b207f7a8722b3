import { startTimer } from "../../host/timer.ts";
import { logLevel } from "../../log.ts";
import type { Phase } from "../../machine/launch.ts";
import { LastLine } from "./last_line.ts";
import { cut, printable } from "./table.ts";

/** The time before a slow operation gets a status line, in ms. */
export const DELAY_MS = 1000;

const DOING: Record<Phase, string> = { pull: "Pulling", load: "Loading", prepare: "Preparing", boot: "Booting" };

/** Formats the phase of a machine's start for a terminal of this width: `Booting web...`. */
export function formatStatus(phase: Phase, what: string, columns: number): string {
  return cut(`${DOING[phase]} ${printable(what)}\u{2026}`, columns - 1);
}

/** Shows the current operation on the terminal on standard error if it takes longer than {@linkcode DELAY_MS}. */
export class StatusLine implements Disposable {
  readonly #line: Pick<LastLine, "draw" | "erase" | "isDrawn">;
  readonly #wait: typeof startTimer;
  #format: (columns: number) => string = () => "";
  #timer: Disposable | undefined;

  constructor(line: Pick<LastLine, "draw" | "erase" | "isDrawn"> = new LastLine(), wait = startTimer) {
    this.#line = line;
    this.#wait = wait;
  }

  /** Sets the operation to show. */
  show(phase: Phase, what: string): void {
    this.#format = formatStatus.bind(undefined, phase, what);
    if (this.#line.isDrawn) this.#line.draw(this.#format);
    else this.#timer ??= this.#wait(DELAY_MS, () => this.#line.draw(this.#format));
  }

  /** Erases the line, so that others can write; it returns only when the next operation takes long. */
  clear(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#line.erase();
  }

  [Symbol.dispose](): void {
    this.clear();
  }
}

/** Creates a status line if standard error is a terminal; not with `quiet`, or at log levels that show these steps. */
export function openStatusLine({ quiet }: { quiet?: boolean }): StatusLine | undefined {
  const isDetailed = !["error", "warn"].includes(logLevel());
  return quiet || isDetailed || !Deno.stderr.isTerminal() ? undefined : new StatusLine();
}
