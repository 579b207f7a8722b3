import { messageOf } from "../errors.ts";
import { blockedSignals } from "../host/blocked_signals.ts";
import type { Libc } from "../host/libc.ts";
import { signalNumber } from "../host/signal.ts";
import { readChunks, writeAll } from "../host/streams.ts";
import { log } from "../log.ts";
import type { Attachment, CommandIo } from "../protocol/attachment.ts";
import type { WindowSize } from "../protocol/messages.ts";

/** Signals that the C library uses for its threads. */
const [FIRST_INTERNAL, LAST_INTERNAL] = [32, 33];
/** Signals of faults and of exited children, and those that cannot be blocked. Other faults kill the process anyway. */
const NOT_HELD = ["SIGBUS", "SIGSEGV", "SIGSYS", "SIGCHLD", "SIGKILL", "SIGSTOP"].map(signalNumber);
/**
 * The signals that this process passes to the guest; it is started with them blocked. Deno handles no real-time signals
 * and opens a debugger at SIGUSR1, and libkrun uses SIGWINCH for its own console.
 */
export const HELD_SIGNALS = Array.from({ length: 64 }, (_, index) => index + 1)
  .filter((number) => number < FIRST_INTERNAL || number > LAST_INTERNAL)
  .filter((number) => !NOT_HELD.includes(number));
const SIGWINCH = signalNumber("SIGWINCH");

/** The streams of this process, for a command in the guest. */
export const OWN_STREAMS: CommandIo = {
  stdin: readChunks(Deno.stdin),
  stdout: (data) => write(Deno.stdout, data),
  stderr: (data) => write(Deno.stderr, data),
};

async function write(stream: typeof Deno.stdout, data: Uint8Array): Promise<void> {
  // Empty data marks the end of the stream. Keep ours open until this process exits: if it closed earlier, the engine
  // would take the container's stream for ended.
  if (data.length > 0) await writeAll(stream, data);
}

/** Makes the terminal of this process raw, so that it passes on every byte, and returns its size. */
export function takeTerminal(libc: Libc): WindowSize {
  libc.makeTerminalRaw();
  return Deno.consoleSize();
}

/** Passes the signals of this process to a command in the guest; keeps them until the command runs. */
export class PassedSignals {
  readonly #waiting: ((attachment: Attachment) => void)[] = [];
  #attachment: Attachment | undefined;

  /** Starts to read signals. With a terminal, SIGWINCH passes on the terminal's size. */
  constructor({ terminal }: { terminal: boolean }) {
    // Deno adds a listener itself half a second after its start, and panics if the seccomp filters are active by then.
    Deno.addSignalListener("SIGUSR1", () => {});
    this.#take(terminal).catch((error) => log("error", `Cannot pass on signals: ${messageOf(error)}`));
  }

  async #take(terminal: boolean): Promise<void> {
    for await (const number of blockedSignals(HELD_SIGNALS)) {
      this.#pass((attachment) => {
        // Without a terminal it is an ordinary signal: some servers exit on it.
        if (number === SIGWINCH && terminal) attachment.resize(Deno.consoleSize());
        else attachment.signal(number);
      });
    }
  }

  /** Passes on the signals received so far, and all later ones. */
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
