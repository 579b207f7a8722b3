import type { Libc } from "../host/libc.ts";
import { readChunks, writeAll } from "../host/streams.ts";
import { signalNumber } from "../machine/signal.ts";
import type { Attachment, CommandIo } from "../protocol/attachment.ts";
import type { WindowSize } from "../protocol/messages.ts";

/** The signals that Deno can take, but for those that faults, writing to pipes and the ends of children send this process. */
// deno-fmt-ignore
const SIGNALS = [
  "SIGHUP", "SIGINT", "SIGQUIT", "SIGABRT", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGTERM", "SIGSTKFLT", "SIGCONT",
  "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGIO", "SIGPWR",
] as const;

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
    for (const name of SIGNALS) this.#listen(name);
    // Without a terminal some servers end at this one.
    if (!terminal) this.#listen("SIGWINCH");
    else Deno.addSignalListener("SIGWINCH", () => this.#pass((attachment) => attachment.resize(Deno.consoleSize())));
  }

  #listen(name: Deno.Signal): void {
    const number = signalNumber(name);
    Deno.addSignalListener(name, () => this.#pass((attachment) => attachment.signal(number)));
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
