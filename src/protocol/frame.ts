import { FRAME_HEADER_BYTES } from "./constants.ts";
import { ProtocolError } from "./payload.ts";

/** One message on the wire. */
export interface Frame {
  type: number;
  /** The command it belongs to; 0 is the connection itself. */
  stream: number;
  payload: Uint8Array<ArrayBuffer>;
}

const EMPTY = new Uint8Array();

/** The bytes of a frame, header included. */
export function encodeFrame(type: number, stream = 0, payload: Uint8Array = EMPTY): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(FRAME_HEADER_BYTES + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, payload.length, true);
  view.setUint32(4, type, true);
  view.setUint32(8, stream, true);
  bytes.set(payload, FRAME_HEADER_BYTES);
  return bytes;
}

/** Decodes frames from chunks of any size. */
export class FrameDecoder {
  readonly #maxPayload: number;
  #buffer = EMPTY as Uint8Array<ArrayBuffer>;

  /** Frames with a payload over `maxPayload` bytes are refused before anything is allocated for them. */
  constructor(maxPayload: number) {
    this.#maxPayload = maxPayload;
  }

  /**
   * Yields the frames that `chunk` completes. Their payloads are copies: the caller may reuse `chunk`.
   *
   * @throws {ProtocolError} for a frame over the limit; do not use the decoder afterwards.
   */
  *push(chunk: Uint8Array): Generator<Frame> {
    let bytes = this.#append(chunk);
    while (bytes.length >= FRAME_HEADER_BYTES) {
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      const length = view.getUint32(0, true);
      if (length > this.#maxPayload) {
        throw new ProtocolError(`frame of ${length} bytes, expected at most ${this.#maxPayload}`);
      }
      const end = FRAME_HEADER_BYTES + length;
      if (bytes.length < end) break;
      const payload = bytes.slice(FRAME_HEADER_BYTES, end);
      bytes = bytes.subarray(end);
      this.#buffer = bytes;
      yield { type: view.getUint32(4, true), stream: view.getUint32(8, true), payload };
    }
  }

  #append(chunk: Uint8Array): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.#buffer.length + chunk.length);
    bytes.set(this.#buffer);
    bytes.set(chunk, this.#buffer.length);
    return this.#buffer = bytes;
  }
}
