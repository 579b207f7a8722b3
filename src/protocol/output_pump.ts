/** Where a command's output goes; an empty chunk is its end. */
export type Sink = (data: Uint8Array) => Promise<void>;

/** How an {@linkcode OutputPump} tells of its progress. */
export interface OutputPumpEvents {
  /** So many bytes were written, or dropped because nobody reads them any more. */
  consumed: (bytes: number) => void;
  /** The sink has failed; called once. */
  broken: (error: unknown) => void;
}

/** Writes chunks to a sink one after the other, so that one slow sink never holds up another. */
export class OutputPump {
  readonly #sink: Sink;
  readonly #events: OutputPumpEvents;
  #done: Promise<void> = Promise.resolve();
  #broken = false;

  constructor(sink: Sink, events: OutputPumpEvents) {
    this.#sink = sink;
    this.#events = events;
  }

  push(data: Uint8Array): void {
    this.#done = this.#done.then(() => this.#write(data));
  }

  /** Settles when everything pushed so far is written. */
  drained(): Promise<void> {
    return this.#done;
  }

  async #write(data: Uint8Array): Promise<void> {
    if (!this.#broken) {
      try {
        await this.#sink(data);
      } catch (error) {
        this.#broken = true;
        this.#events.broken(error);
      }
    }
    if (data.length > 0) this.#events.consumed(data.length);
  }
}
