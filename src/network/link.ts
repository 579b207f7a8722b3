import { writeAll } from "../host/streams.ts";
import { LENGTH_BYTES } from "./outbox.ts";
import { MAX_FRAME_BYTES, MIN_FRAME_BYTES, type Stack } from "./stack.ts";

/** Fits several frames of maximum length: the more each read returns, the fewer acknowledgements are sent. */
const READ_BYTES = 256 * 1024;

/** A stream of frames. Each frame is preceded by its length in 4 bytes, big-endian. */
export interface LinkStream {
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
}

/** The guest sent an invalid frame length: the rest of the stream is unusable. */
export class LinkError extends Error {
  override name = "LinkError";
}

/** Receives the frames of a stream. */
export interface FrameHandler {
  /** Processes the frame of `length` bytes at `start`. `bytes` is valid only during the call. */
  onFrame(bytes: Uint8Array<ArrayBuffer>, view: DataView, start: number, length: number): void;
  /** Called after the frames of each read. */
  onPause(): void;
}

/**
 * Passes a guest's frames to a stack until the guest closes the link.
 *
 * @throws {LinkError} if a frame's length is invalid.
 */
export async function runLink(stream: LinkStream, stack: Stack): Promise<void> {
  await readFrames(stream, {
    onFrame: (bytes, view, start, length) => stack.input(bytes, view, start, length),
    onPause: () => stack.settle(),
  });
}

/**
 * Reads frames until the other side closes the stream.
 *
 * @throws {LinkError} if a frame's length is invalid.
 */
export async function readFrames(stream: LinkStream, handler: FrameHandler): Promise<void> {
  const bytes = new Uint8Array(READ_BYTES);
  const view = new DataView(bytes.buffer);
  let have = 0;
  for (let count = await stream.read(bytes); count !== null; count = await stream.read(bytes.subarray(have))) {
    have += count;
    const used = takeFrames(handler, bytes, view, have);
    handler.onPause();
    bytes.copyWithin(0, used, have);
    have -= used;
  }
}

/** Processes the complete frames in the buffer, and returns the number of bytes used. */
function takeFrames(handler: FrameHandler, bytes: Uint8Array<ArrayBuffer>, view: DataView, have: number): number {
  let at = 0;
  while (have - at >= LENGTH_BYTES) {
    const length = view.getUint32(at);
    if (length < MIN_FRAME_BYTES || length > MAX_FRAME_BYTES) {
      throw new LinkError(`invalid frame length: ${length} bytes`);
    }
    if (have - at - LENGTH_BYTES < length) break;
    handler.onFrame(bytes, view, at + LENGTH_BYTES, length);
    at += LENGTH_BYTES + length;
  }
  return at;
}

/** Writes a stack's frames to the guest. */
export class LinkWriter {
  readonly #stream: LinkStream;
  readonly #onError: () => void;
  #isWriting = false;

  /** @param onError called when a write fails because the guest closed the link */
  constructor(stream: LinkStream, onError: () => void) {
    this.#stream = stream;
    this.#onError = onError;
  }

  /** Writes the frames in the outbox, including those that are added while it writes. */
  async flush(stack: Stack): Promise<void> {
    if (this.#isWriting) return;
    this.#isWriting = true;
    try {
      for (let frames = stack.outbox.take(); frames !== undefined; frames = stack.outbox.take()) {
        await writeAll(this.#stream, frames);
        stack.outbox.giveBack(frames);
        stack.resume();
      }
    } catch {
      this.#onError();
    } finally {
      this.#isWriting = false;
    }
  }
}
