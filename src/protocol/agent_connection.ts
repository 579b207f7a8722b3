import { ACK_EVERY, FRAME_HEADER_BYTES, GUEST_FRAME_MAX, MSG, PROTOCOL_VERSION } from "./constants.ts";
import type { Frame } from "./frame.ts";
import { readFrames } from "./frame_reader.ts";
import { FrameWriter } from "./frame_writer.ts";
import { decodeFailure, decodeU32, encodeSetup, encodeU32s, type Failure, type Setup } from "./messages.ts";
import { ProtocolError } from "./payload.ts";

/** How many frames may wait for a guest before the host stops reading from it; a correct agent always reads. */
const QUEUE_MAX = 1024;

/** The agent could not set up the guest. */
export class SetupFailedError extends Error {
  override readonly name = "SetupFailedError";
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.text);
    this.failure = failure;
  }
}

/** The host's end of the connection to a guest's agent. */
export class AgentConnection {
  readonly #conn: Deno.Conn;
  readonly #writer: FrameWriter;
  #unacknowledged = 0;

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
    this.#writer = new FrameWriter(conn);
  }

  /** Queues a frame. Senders of input respect the stream's window, so that the queue stays small. */
  send(type: number, stream = 0, payload?: Uint8Array): void {
    this.#writer.send(type, stream, payload);
  }

  /**
   * Answers the agent's HELLO, sets up the guest and yields each frame of its commands, until BYE or the connection's
   * end; returns whether BYE came. The first frame yielded is READY.
   *
   * @param onSetup is called when SETUP is sent, and may send what the guest is to do after it
   * @throws {ProtocolError} when the agent breaks the protocol or speaks another version.
   * @throws {SetupFailedError} when the agent cannot set up the guest.
   */
  async *frames(setup: () => Setup, onSetup: () => void = () => {}): AsyncGenerator<Frame, boolean> {
    let state: "hello" | "setup" | "ready" = "hello";
    for await (const frame of this.#read()) {
      if (state === "hello") {
        expect(frame, MSG.HELLO);
        const version = decodeU32(frame.payload);
        if (version !== PROTOCOL_VERSION) {
          throw new ProtocolError(`agent speaks version ${version}, expected ${PROTOCOL_VERSION}`);
        }
        this.send(MSG.SETUP, 0, encodeSetup(setup()));
        onSetup();
        state = "setup";
      } else if (state === "setup") {
        if (frame.type === MSG.FAILED && frame.stream === 0) throw new SetupFailedError(decodeFailure(frame.payload));
        expect(frame, MSG.READY);
        state = "ready";
        yield frame;
      } else if (frame.type === MSG.BYE) {
        // Do not acknowledge BYE: the guest waits for that before it reboots, and the runner must end first.
        return true;
      } else if (frame.type > MSG.READY && frame.type < MSG.BYE && frame.stream !== 0) {
        yield frame;
      } else {
        throw new ProtocolError(`message ${frame.type} of stream ${frame.stream} is out of order`);
      }
    }
    return false;
  }

  close(): void {
    this.#writer.close();
  }

  #read(): AsyncGenerator<Frame> {
    return readFrames(this.#conn, {
      maxPayload: GUEST_FRAME_MAX - FRAME_HEADER_BYTES,
      // Acknowledged as it is read, not as it is consumed: a slow consumer stalls its stream, never the connection.
      onRead: async (bytes) => {
        // But wait for a guest that does not read: its frames are answered, so the queue would grow without limit.
        if (this.#writer.queued > QUEUE_MAX) await this.#writer.flush();
        this.#unacknowledged += bytes;
        if (this.#unacknowledged < ACK_EVERY) return;
        this.send(MSG.ACK, 0, encodeU32s(this.#unacknowledged));
        this.#unacknowledged = 0;
      },
    });
  }
}

function expect(frame: Frame, type: number): void {
  if (frame.type !== type || frame.stream !== 0) {
    throw new ProtocolError(`message ${frame.type} of stream ${frame.stream}, expected ${type}`);
  }
}
