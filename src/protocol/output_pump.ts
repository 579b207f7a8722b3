import { concat } from "../bytes.ts";
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

/** Writes data to a sink in order, all at once that has come meanwhile; a slow sink does not delay other pumps. */
export class OutputPump {
  readonly #sink: Sink;
  readonly #events: OutputPumpEvents;
  #done: Promise<void> = Promise.resolve();
  /** What the sink has not been given yet. */
  #chunks: Uint8Array[] = [];
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
    if (this.#isEnded) throw new ProtocolError("a stream goes on behind its end");
    this.#isEnded = data.length === 0;
    this.#pending += data.length;
    this.#chunks.push(data);
    this.#done = this.#done.then(() => this.#write());
  }

  /** Settles when everything pushed so far is written. */
  drained(): Promise<void> {
    return this.#done;
  }

  async #write(): Promise<void> {
    // An earlier call may have written everything.
    if (this.#chunks.length === 0) return;
    // The end is not part of a larger chunk.
    const keepsEnd = this.#isEnded && this.#chunks.length > 1;
    const data = concat(this.#chunks.splice(0, this.#chunks.length - (keepsEnd ? 1 : 0)));
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
