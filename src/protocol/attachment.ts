import { commandError } from "./command_error.ts";
import { CHANNEL, FRAME_HEADER_BYTES, GUEST_FRAME_MAX, MSG, STREAM_WINDOW } from "./constants.ts";
import { CLIENT_STREAM, CONTROL } from "./control.ts";
import type { Frame } from "./frame.ts";
import { readFrames } from "./frame_reader.ts";
import { FrameWriter } from "./frame_writer.ts";
import { decodeExited, decodeFailure, decodeU32, encodeU32s, type ExitStatus, type WindowSize } from "./messages.ts";
import { OutputPump, type Sink } from "./output_pump.ts";

const SIGPIPE = 13;

/** The streams of a command, as its client has them. */
export interface CommandIo {
  /** Chunks of input of at most 16 KiB until the end of the input; `undefined`: there is none. */
  stdin: AsyncIterable<Uint8Array> | undefined;
  stdout: Sink;
  stderr: Sink;
}

const nowhere = () => Promise.resolve();
/** Those of a client that has no part in them. */
export const NO_STREAMS: CommandIo = { stdin: undefined, stdout: nowhere, stderr: nowhere };

/** What a client wants of a runner. */
export interface ClientRequest {
  /** One of `CONTROL`. */
  type: number;
  payload?: Uint8Array;
}

/** A client's connection to a command in a machine. */
export class Attachment {
  readonly #conn: Deno.Conn;
  readonly #writer: FrameWriter;
  readonly #stdout: OutputPump;
  readonly #stderr: OutputPump;
  readonly #stdin: AsyncIterable<Uint8Array> | undefined;
  readonly #started = Promise.withResolvers<void>();
  #stdinWindow = STREAM_WINDOW;
  #windowOpened = Promise.withResolvers<void>();

  private constructor(conn: Deno.Conn, io: CommandIo) {
    this.#conn = conn;
    this.#writer = new FrameWriter(conn);
    this.#stdin = io.stdin;
    this.#stdout = this.#pump(io.stdout, CHANNEL.STDOUT);
    this.#stderr = this.#pump(io.stderr, CHANNEL.STDERR);
  }

  /** Connects to the machine whose control socket is at `path`: to its own command, unless the request says otherwise. */
  static async open(
    path: string,
    io: CommandIo,
    { type, payload }: ClientRequest = { type: CONTROL.ATTACH },
  ): Promise<Attachment> {
    const attachment = new Attachment(await Deno.connect({ transport: "unix", path }), io);
    attachment.#writer.send(type, CLIENT_STREAM, payload);
    return attachment;
  }

  /** Ends the connection. */
  close(): void {
    this.#writer.close();
  }

  /** Whether the connection keeps this process going, which it does at first. */
  set isRef(isRef: boolean) {
    if (isRef) this.#conn.ref();
    else this.#conn.unref();
  }

  /** Settles when the command runs; until then nothing may be sent to it. */
  get started(): Promise<void> {
    return this.#started.promise;
  }

  /** Sends a signal, by its number on Linux. */
  signal(signal: number): void {
    this.#writer.send(MSG.SIGNAL, CLIENT_STREAM, encodeU32s(signal));
  }

  resize({ rows, columns }: WindowSize): void {
    this.#writer.send(MSG.RESIZE, CLIENT_STREAM, encodeU32s(rows, columns));
  }

  /**
   * Carries the streams until the command has ended and its output is written; `undefined` when the machine was gone
   * before.
   *
   * @throws {SmolvmError} when the command could not be started.
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
    } finally {
      this.close();
    }
  }

  #receive({ type, payload }: Frame): ExitStatus | undefined {
    switch (type) {
      case MSG.STARTED:
        this.#started.resolve();
        if (this.#stdin) this.#sendInput(this.#stdin);
        return;
      case MSG.STDOUT:
        this.#stdout.push(payload);
        return;
      case MSG.STDERR:
        this.#stderr.push(payload);
        return;
      case MSG.STDIN_CREDIT:
        this.#stdinWindow += decodeU32(payload);
        this.#windowOpened.resolve();
        return;
      case MSG.EXITED:
        return decodeExited(payload);
      case MSG.FAILED:
        throw commandError(decodeFailure(payload));
    }
  }

  async #sendInput(input: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      for await (const chunk of input) {
        while (this.#stdinWindow < chunk.length) {
          this.#windowOpened = Promise.withResolvers();
          await this.#windowOpened.promise;
        }
        this.#stdinWindow -= chunk.length;
        this.#writer.send(MSG.STDIN, CLIENT_STREAM, chunk);
      }
    } catch {
      // An input that cannot be read any further has ended, as far as the command can tell.
    }
    this.#writer.send(MSG.STDIN, CLIENT_STREAM);
  }

  #pump(sink: Sink, channel: number): OutputPump {
    return new OutputPump(sink, {
      consumed: (bytes) => this.#writer.send(MSG.CREDIT, CLIENT_STREAM, encodeU32s(channel, bytes)),
      // As in a local pipeline: whoever writes to a reader that has gone is told by a signal.
      broken: () => this.signal(SIGPIPE),
    });
  }
}

/** Whether an error of a connection says no more than that the runner at its other end is gone, or about to go. */
export function isDisconnect(error: unknown): boolean {
  const { ConnectionRefused, ConnectionReset, NotFound } = Deno.errors;
  return error instanceof ConnectionRefused || error instanceof ConnectionReset || error instanceof NotFound;
}
