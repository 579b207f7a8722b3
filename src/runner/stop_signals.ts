/** The signals by which a host's shutdown, a service manager or a user asks a process to exit. */
const SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"] as const;

/** Handles a request to stop; `isHurried`: there was one before. */
export type OnStop = (options: { isHurried: boolean }) => void;

/**
 * Turns signals that ask this process to exit into requests to stop its machine, from its construction on. Without it,
 * they would kill the VM at once, and data that its guest has not written yet would be lost.
 */
export class StopSignals implements Disposable {
  #count = 0;
  #onStop: OnStop | undefined;
  readonly #listener = () => {
    this.#count++;
    this.#onStop?.({ isHurried: this.#count > 1 });
  };

  constructor() {
    for (const signal of SIGNALS) Deno.addSignalListener(signal, this.#listener);
  }

  /** Delivers the signals received so far and later ones. */
  deliver(onStop: OnStop): void {
    this.#onStop = onStop;
    if (this.#count > 0) onStop({ isHurried: this.#count > 1 });
  }

  [Symbol.dispose](): void {
    for (const signal of SIGNALS) Deno.removeSignalListener(signal, this.#listener);
  }
}
