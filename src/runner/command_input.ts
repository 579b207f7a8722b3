import { INPUT_WINDOW, STREAM_WINDOW } from "../protocol/constants.ts";
import type { FrameWriter } from "../protocol/frame_writer.ts";
import { ProtocolError } from "../protocol/payload.ts";

/** Callbacks of a {@linkcode CommandInput}. */
export interface CommandInputEvents {
  /** Sends input to the guest; empty: the end of the input. */
  send: (data: Uint8Array) => void;
  /** Lets a client send `bytes` more bytes. */
  credit: (client: FrameWriter, bytes: number) => void;
}

/** One client's piece of the input. */
interface Piece {
  client: FrameWriter;
  bytes: number;
}

/**
 * Merges the input of several clients. Each client has a window as large as the guest's. The guest's credit goes to the
 * client that sent the bytes.
 */
export class CommandInput {
  readonly #events: CommandInputEvents;
  #window = INPUT_WINDOW;
  readonly #waiting: { client: FrameWriter; data: Uint8Array }[] = [];
  /** The pieces that the guest has not given credit for yet, in the order in which they were sent. */
  readonly #sent: Piece[] = [];
  /** The bytes that each client has sent and has no credit for yet. */
  readonly #outstanding = new Map<FrameWriter, number>();

  constructor(events: CommandInputEvents) {
    this.#events = events;
  }

  /**
   * Takes input from a client; empty: the end of the input.
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
   * Handles the guest's credit: it has consumed `bytes` bytes.
   *
   * @throws {ProtocolError} when the guest was sent fewer bytes.
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
      // The client is gone.
      if (outstanding === undefined) continue;
      this.#outstanding.set(piece.client, outstanding - taken);
      this.#events.credit(piece.client, taken);
    }
    this.#flush();
  }

  /** Forgets a client that is gone; the guest still gets the input it sent. */
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
