import { INPUT_WINDOW, STREAM_WINDOW } from "../protocol/constants.ts";
import type { FrameWriter } from "../protocol/frame_writer.ts";
import { ProtocolError } from "../protocol/payload.ts";

/** Where {@linkcode CommandInput} leads, and what comes back. */
export interface CommandInputEvents {
  /** Input for the guest; empty: its end. */
  send: (data: Uint8Array) => void;
  /** A client may send so many bytes more. */
  credit: (client: FrameWriter, bytes: number) => void;
}

/** One client's piece of the input. */
interface Piece {
  client: FrameWriter;
  bytes: number;
}

/**
 * Makes one input of what several clients send, each of which has a window as large as the guest's. The credit of the
 * guest goes back to the client whose bytes it was for.
 */
export class CommandInput {
  readonly #events: CommandInputEvents;
  #window = INPUT_WINDOW;
  readonly #waiting: { client: FrameWriter; data: Uint8Array }[] = [];
  /** What the guest has and has not given credit for, in its order. */
  readonly #sent: Piece[] = [];
  /** What each client has sent and has no credit for. */
  readonly #outstanding = new Map<FrameWriter, number>();

  constructor(events: CommandInputEvents) {
    this.#events = events;
  }

  /**
   * Takes input of a client; empty: the end of the input.
   *
   * @throws {ProtocolError} when it exceeds its window.
   */
  push(client: FrameWriter, data: Uint8Array): void {
    const known = this.#outstanding.get(client);
    // Clients assume the window of older runners until they are given more.
    if (known === undefined && data.length > 0) this.#events.credit(client, INPUT_WINDOW - STREAM_WINDOW);
    const outstanding = (known ?? 0) + data.length;
    if (outstanding > INPUT_WINDOW) throw new ProtocolError(`${outstanding} bytes of input without credit`);
    this.#outstanding.set(client, outstanding);
    this.#waiting.push({ client, data });
    this.#flush();
  }

  /**
   * The guest has taken so many bytes.
   *
   * @throws {ProtocolError} when it was never sent as many.
   */
  credit(bytes: number): void {
    this.#window += bytes;
    if (this.#window > INPUT_WINDOW) throw new ProtocolError("credit for input that was never sent");
    for (let left = bytes; left > 0;) {
      const piece = this.#sent[0]!;
      const taken = Math.min(left, piece.bytes);
      left -= taken;
      piece.bytes -= taken;
      if (piece.bytes === 0) this.#sent.shift();
      const outstanding = this.#outstanding.get(piece.client);
      // Gone since.
      if (outstanding === undefined) continue;
      this.#outstanding.set(piece.client, outstanding - taken);
      this.#events.credit(piece.client, taken);
    }
    this.#flush();
  }

  /** A client is gone; what it has sent remains. */
  forget(client: FrameWriter): void {
    this.#outstanding.delete(client);
  }

  #flush(): void {
    for (let next = this.#waiting[0]; next && (this.#window > 0 || next.data.length === 0); next = this.#waiting[0]) {
      const { client, data } = next;
      const part = data.subarray(0, this.#window);
      if (part.length === data.length) this.#waiting.shift();
      else next.data = data.subarray(part.length);
      this.#window -= part.length;
      if (part.length > 0) this.#sent.push({ client, bytes: part.length });
      this.#events.send(part);
    }
  }
}
