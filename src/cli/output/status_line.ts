import { startTimer } from "../../host/timer.ts";
import { logLevel } from "../../log.ts";
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
  readonly #wait: typeof startTimer;
  #format: (columns: number) => string = () => "";
  #timer: Disposable | undefined;

  constructor(line: Pick<LastLine, "draw" | "erase" | "isDrawn"> = new LastLine(), wait = startTimer) {
    this.#line = line;
    this.#wait = wait;
  }

  /** Says what is waited for from now on. */
  show(phase: Phase, what: string): void {
    this.#format = formatStatus.bind(undefined, phase, what);
    if (this.#line.isDrawn) this.#line.draw(this.#format);
    else this.#timer ??= this.#wait(DELAY_MS, () => this.#line.draw(this.#format));
  }

  /** Makes way for what others write: the line is not back before the next wait has taken long. */
  clear(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#line.erase();
  }

  [Symbol.dispose](): void {
    this.clear();
  }
}

/** What is waited for, for those who watch a terminal; a log of details tells them already. */
export function openStatusLine({ quiet }: { quiet?: boolean }): StatusLine | undefined {
  const isDetailed = !["error", "warn"].includes(logLevel());
  return quiet || isDetailed || !Deno.stderr.isTerminal() ? undefined : new StatusLine();
}
