import { ProtocolError } from "./payload.ts";

/** Receives a command's output; an empty chunk is the end. */
export type Sink = (data: Uint8Array) => Promise<void>;

/** Callbacks of an {@linkcode OutputPump}. */
export interface OutputPumpEvents {
  /** Called with the number of bytes that were written, or dropped after the sink failed. */
  consumed: (bytes: number) => void;
  /** Called once, when the sink fails. */
  broken: (error: unknown) => void;
}

/** Writes chunks to a sink in order; a slow sink does not delay other pumps. */
export class OutputPump {
  readonly #sink: Sink;
  readonly #events: OutputPumpEvents;
  #done: Promise<void> = Promise.resolve();
  #broken = false;
  #isEnded = false;
  #pending = 0;

  constructor(sink: Sink, events: OutputPumpEvents) {
    this.#sink = sink;
    this.#events = events;
  }

  /** The number of bytes that are not written yet. */
  get pending(): number {
    return this.#pending;
  }

  /** @throws {ProtocolError} for data after the end. */
  push(data: Uint8Array): void {
    if (this.#isEnded) throw new ProtocolError("data after the end of a stream");
    this.#isEnded = data.length === 0;
    this.#pending += data.length;
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
    this.#pending -= data.length;
    if (data.length > 0) this.#events.consumed(data.length);
  }
}
