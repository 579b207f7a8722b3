import { messageOf } from "../errors.ts";
import { blockedSignals } from "../host/blocked_signals.ts";
import type { Libc } from "../host/libc.ts";
import { signalNumber } from "../host/signal.ts";
import { readChunks, writeAll } from "../host/streams.ts";
import { log } from "../log.ts";
import type { Attachment, CommandIo } from "../protocol/attachment.ts";
import type { WindowSize } from "../protocol/messages.ts";

/** Of the C library's threads. */
const [FIRST_INTERNAL, LAST_INTERNAL] = [32, 33];
/** What faults and the ends of children send this process, and what nobody can block. Other faults end it all the same. */
const NOT_HELD = ["SIGBUS", "SIGSEGV", "SIGSYS", "SIGCHLD", "SIGKILL", "SIGSTOP"].map(signalNumber);
/**
 * The signals that this process passes on, with which it is started blocked: Deno takes none of real time and opens a
 * debugger at SIGUSR1, and libkrun takes SIGWINCH for a console of its own.
 */
export const HELD_SIGNALS = Array.from({ length: 64 }, (_, index) => index + 1)
  .filter((number) => number < FIRST_INTERNAL || number > LAST_INTERNAL)
  .filter((number) => !NOT_HELD.includes(number));
const SIGWINCH = signalNumber("SIGWINCH");

/** The streams of this process, as those of a command in a guest. */
export const OWN_STREAMS: CommandIo = {
  stdin: readChunks(Deno.stdin),
  stdout: (data) => write(Deno.stdout, data),
  stderr: (data) => write(Deno.stderr, data),
};

async function write(stream: typeof Deno.stdout, data: Uint8Array): Promise<void> {
  // At its end the engine would take its own for ended, too: this process's end is that of both.
  if (data.length > 0) await writeAll(stream, data);
}

/** The size of the terminal that this process has, which passes on what it is sent from then on. */
export function takeTerminal(libc: Libc): WindowSize {
  libc.makeTerminalRaw();
  return Deno.consoleSize();
}

/** Signals of this process, which are those of a command in a guest once it runs. */
export class PassedSignals {
  readonly #waiting: ((attachment: Attachment) => void)[] = [];
  #attachment: Attachment | undefined;

  /** Takes them from now on; a terminal's changes of size, too, if there is one. */
  constructor({ terminal }: { terminal: boolean }) {
    // Deno does so half a second after its start in any case, and panics without what filters take away until then.
    Deno.addSignalListener("SIGUSR1", () => {});
    this.#take(terminal).catch((error) => log("error", `Cannot pass on signals: ${messageOf(error)}`));
  }

  async #take(terminal: boolean): Promise<void> {
    for await (const number of blockedSignals(HELD_SIGNALS)) {
      this.#pass((attachment) => {
        // Without a terminal some servers end at this one.
        if (number === SIGWINCH && terminal) attachment.resize(Deno.consoleSize());
        else attachment.signal(number);
      });
    }
  }

  /** Passes on what has come so far, and what comes. */
  async deliver(attachment: Attachment): Promise<void> {
    await attachment.started;
    this.#attachment = attachment;
    for (const act of this.#waiting) act(attachment);
  }

  #pass(act: (attachment: Attachment) => void): void {
    if (this.#attachment) act(this.#attachment);
    else this.#waiting.push(act);
  }
}
