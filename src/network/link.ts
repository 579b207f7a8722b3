import { writeAll } from "../host/streams.ts";
import { LENGTH_BYTES } from "./outbox.ts";
import { MAX_FRAME_BYTES, MIN_FRAME_BYTES, type Stack } from "./stack.ts";

/** Several of the largest frames: the more is read at once, the fewer acknowledgements are sent. */
const READ_BYTES = 256 * 1024;

/** What carries frames: a stream, each frame after its length as 4 bytes, big-endian. */
export interface LinkStream {
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
}

/** The guest broke the framing: what follows means nothing. */
export class LinkError extends Error {
  override name = "LinkError";
}

/** What takes the frames of a stream. */
export interface FrameHandler {
  /** Takes a frame, which is `length` bytes from `start` on and is overwritten afterwards. */
  onFrame(bytes: Uint8Array<ArrayBuffer>, view: DataView, start: number, length: number): void;
  /** Those at hand are taken. */
  onPause(): void;
}

/**
 * Passes a guest's frames to a stack until the guest's end is closed.
 *
 * @throws {LinkError} for a frame of an impossible length.
 */
export async function runLink(stream: LinkStream, stack: Stack): Promise<void> {
  await readFrames(stream, {
    onFrame: (bytes, view, start, length) => stack.input(bytes, view, start, length),
    onPause: () => stack.settle(),
  });
}

/**
 * Reads frames until the other end is closed.
 *
 * @throws {LinkError} for a frame of an impossible length.
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

/** Takes the whole frames of what was read, and returns how many bytes they are. */
function takeFrames(handler: FrameHandler, bytes: Uint8Array<ArrayBuffer>, view: DataView, have: number): number {
  let at = 0;
  while (have - at >= LENGTH_BYTES) {
    const length = view.getUint32(at);
    if (length < MIN_FRAME_BYTES || length > MAX_FRAME_BYTES) throw new LinkError(`a frame of ${length} bytes`);
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

  /** @param onError hears that the guest's end is closed */
  constructor(stream: LinkStream, onError: () => void) {
    this.#stream = stream;
    this.#onError = onError;
  }

  /** Writes what there is, and what comes meanwhile. */
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
