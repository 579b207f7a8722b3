/** The signals by which the shutdown of a host, a service manager or a user asks a process to end. */
const SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"] as const;

/** Takes a request to stop; `isHurried`: it was asked before. */
export type OnStop = (options: { isHurried: boolean }) => void;

/**
 * Takes signals that ask this process to end as requests to stop its machine, from its making on: without that they
 * would end the VM at once, and what its guest has not written yet would be lost.
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

  /** Passes on what has come already, and what comes. */
  deliver(onStop: OnStop): void {
    this.#onStop = onStop;
    if (this.#count > 0) onStop({ isHurried: this.#count > 1 });
  }

  [Symbol.dispose](): void {
    for (const signal of SIGNALS) Deno.removeSignalListener(signal, this.#listener);
  }
}
