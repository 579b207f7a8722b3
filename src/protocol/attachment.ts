import { SmolvmError } from "../errors.ts";
import { commandError } from "./command_error.ts";
import type { Connection } from "./connection.ts";
import { CHANNEL, FRAME_HEADER_BYTES, GUEST_FRAME_MAX, INPUT_WINDOW, MSG, STREAM_WINDOW } from "./constants.ts";
import { CLIENT_STREAM, CONTROL } from "./control.ts";
import type { Frame } from "./frame.ts";
import { readFrames } from "./frame_reader.ts";
import { FrameWriter } from "./frame_writer.ts";
import { decodeExited, decodeFailure, decodeU32, encodeU32s, type ExitStatus, type WindowSize } from "./messages.ts";
import { OutputPump, type Sink } from "./output_pump.ts";
import { ProtocolError } from "./payload.ts";

const SIGPIPE = 13;

/** The client's side of a command's streams. */
export interface CommandIo {
  /** The input, in chunks of any size; `undefined`: no input. */
  stdin: AsyncIterable<Uint8Array> | undefined;
  stdout: Sink;
  stderr: Sink;
}

const nowhere = () => Promise.resolve();
/** The streams of a client that uses none. */
export const NO_STREAMS: CommandIo = { stdin: undefined, stdout: nowhere, stderr: nowhere };

/** A client's request to a runner. */
export interface ClientRequest {
  /** One of `CONTROL`. */
  type: number;
  payload?: Uint8Array;
}

/** Largest payload of a frame of input, in bytes: large frames cost less, small ones keep the command busy. */
export const INPUT_FRAME_MAX = 64 * 1024;
/** Less credit than this, in bytes, waits for more: the guest still has half of the window. */
const CREDIT_EVERY = STREAM_WINDOW / 2;
/** The most frames that may wait; a runner that reads never leaves so many. */
const MAX_QUEUED = 2 * STREAM_WINDOW;

/**
 * A client's connection to a command in a machine. A guest may have taken over the runner at the other end: nothing
 * that it sends can make the client buffer more than the windows of its streams.
 */
export class Attachment {
  readonly #conn: Connection;
  readonly #writer: FrameWriter;
  readonly #stdout: OutputPump;
  readonly #stderr: OutputPump;
  readonly #stdin: AsyncIterable<Uint8Array> | undefined;
  readonly #started = Promise.withResolvers<void>();
  #isStarted = false;
  #stdinWindow = STREAM_WINDOW;
  #windowOpened = Promise.withResolvers<void>();

  private constructor(conn: Connection, io: CommandIo) {
    this.#conn = conn;
    this.#writer = new FrameWriter(conn);
    this.#stdin = io.stdin;
    this.#stdout = this.#pump(io.stdout, CHANNEL.STDOUT);
    this.#stderr = this.#pump(io.stderr, CHANNEL.STDERR);
  }

  /** Connects to the machine with the control socket at `path`; by default, attaches to its own command. */
  static async open(path: string, io: CommandIo, request?: ClientRequest): Promise<Attachment> {
    return Attachment.over(await Deno.connect({ transport: "unix", path }), io, request);
  }

  /** The same, over an existing connection. */
  static over(
    conn: Connection,
    io: CommandIo,
    { type, payload }: ClientRequest = { type: CONTROL.ATTACH },
  ): Attachment {
    const attachment = new Attachment(conn, io);
    attachment.#writer.send(type, CLIENT_STREAM, payload);
    return attachment;
  }

  /** Closes the connection. */
  close(): void {
    this.#writer.close();
  }

  /** Whether the connection keeps the event loop alive; initially true. */
  set isRef(isRef: boolean) {
    if (isRef) this.#conn.ref();
    else this.#conn.unref();
  }

  /** Settles when the command runs; send nothing to it before. */
  get started(): Promise<void> {
    return this.#started.promise;
  }

  /** Sends a signal, by Linux's number. */
  signal(signal: number): void {
    this.#writer.send(MSG.SIGNAL, CLIENT_STREAM, encodeU32s(signal));
  }

  resize({ rows, columns }: WindowSize): void {
    this.#writer.send(MSG.RESIZE, CLIENT_STREAM, encodeU32s(rows, columns));
  }

  /**
   * Transfers the streams until the command has ended and its output is written; `undefined` when the machine ended
   * before that.
   *
   * @throws {SmolvmError} when the command could not be started; `guest` for a runner that breaks the protocol.
   */
  async finish(): Promise<ExitStatus | undefined> {
    try {
      for await (const frame of readFrames(this.#conn, { maxPayload: GUEST_FRAME_MAX - FRAME_HEADER_BYTES })) {
        const status = this.#receive(frame);
        if (status) {
          await Promise.all([this.#stdout.drained(), this.#stderr.drained()]);
          return status;
        }
      }
      return undefined;
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      throw new SmolvmError("guest", `The machine's process broke the protocol: ${error.message}`, { cause: error });
    } finally {
      this.close();
    }
  }

  #receive({ type, payload }: Frame): ExitStatus | undefined {
    switch (type) {
      case MSG.STARTED:
        if (this.#isStarted) throw new ProtocolError("a command started twice");
        this.#isStarted = true;
        this.#started.resolve();
        if (this.#stdin) this.#sendInput(this.#stdin);
        return;
      case MSG.STDOUT:
        this.#push(this.#stdout, payload);
        return;
      case MSG.STDERR:
        this.#push(this.#stderr, payload);
        return;
      case MSG.STDIN_CREDIT:
        this.#stdinWindow = Math.min(this.#stdinWindow + decodeU32(payload), INPUT_WINDOW);
        this.#windowOpened.resolve();
        return;
      case MSG.EXITED:
        return decodeExited(payload);
      case MSG.FAILED:
        throw commandError(decodeFailure(payload));
    }
  }

  #push(output: OutputPump, data: Uint8Array): void {
    output.push(data);
    if (output.pending > STREAM_WINDOW) throw new ProtocolError(`${output.pending} bytes of a stream without credit`);
    if (this.#writer.queued > MAX_QUEUED) throw new ProtocolError("it does not read what it is sent");
  }

  async #sendInput(input: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      for await (const chunk of input) {
        for (let at = 0; at < chunk.length;) {
          while (this.#stdinWindow === 0) {
            this.#windowOpened = Promise.withResolvers();
            await this.#windowOpened.promise;
          }
          const data = chunk.subarray(at, at + Math.min(this.#stdinWindow, INPUT_FRAME_MAX));
          this.#stdinWindow -= data.length;
          this.#writer.send(MSG.STDIN, CLIENT_STREAM, data);
          at += data.length;
        }
      }
    } catch {
      // For the command, an input that fails has ended.
    }
    this.#writer.send(MSG.STDIN, CLIENT_STREAM);
  }

  #pump(sink: Sink, channel: number): OutputPump {
    let taken = 0;
    return new OutputPump(sink, {
      consumed: (bytes) => {
        taken += bytes;
        if (taken < CREDIT_EVERY) return;
        this.#writer.send(MSG.CREDIT, CLIENT_STREAM, encodeU32s(channel, taken));
        taken = 0;
      },
      // As in a local pipeline: the writer gets SIGPIPE when its reader is gone.
      broken: () => this.signal(SIGPIPE),
    });
  }
}

/** Whether a connection's error only means that the runner at the other end is gone or ending. */
export function isDisconnect(error: unknown): boolean {
  const { ConnectionRefused, ConnectionReset, NotFound } = Deno.errors;
  return error instanceof ConnectionRefused || error instanceof ConnectionReset || error instanceof NotFound;
}
