import type { AgentConnection } from "../protocol/agent_connection.ts";
import { CHANNEL, MSG, STREAM_WINDOW } from "../protocol/constants.ts";
import { CLIENT_STREAM, decodeSignal } from "../protocol/control.ts";
import type { Frame } from "../protocol/frame.ts";
import type { FrameWriter } from "../protocol/frame_writer.ts";
import { decodeU32, decodeU32s, decodeWindowSize, encodeU32s, type WindowSize } from "../protocol/messages.ts";
import { ProtocolError } from "../protocol/payload.ts";
import { CommandInput } from "./command_input.ts";
import type { CommandLog } from "./command_log.ts";

/** One of a command's output streams, counted in bytes since the command's start. */
interface Output {
  readonly channel: number;
  readonly name: "stdout" | "stderr";
  /** Bytes that the guest has sent. */
  sent: number;
  /** Bytes that the guest was given credit for: it may send a window more. */
  credited: number;
  /** Whether the guest has ended the stream. */
  ended: boolean;
}

/** How much of each output a client has consumed, in bytes since the command's start. */
type Progress = Map<Output, number>;

/** How {@linkcode CommandRelay} treats a command's output. */
export interface RelayOptions {
  /** Whether a client will attach. Until then all frames are held back, at most a window of each stream. */
  awaitsClient: boolean;
  /** Gets all output of the command, with or without a client. */
  log?: CommandLog | undefined;
}

/**
 * Passes frames between a command in the guest and its clients. Each client gets all output from the time it attaches
 * and may send input. The slowest client limits the command's output; without a client nothing limits it.
 */
export class CommandRelay {
  readonly #agent: AgentConnection;
  readonly #stream: number;
  readonly #log: CommandLog | undefined;
  readonly #outputs = new Map<number, Output>([
    [MSG.STDOUT, { channel: CHANNEL.STDOUT, name: "stdout", sent: 0, credited: 0, ended: false }],
    [MSG.STDERR, { channel: CHANNEL.STDERR, name: "stderr", sent: 0, credited: 0, ended: false }],
  ]);
  readonly #input: CommandInput;
  readonly #finished = Promise.withResolvers<void>();
  readonly #clients = new Map<FrameWriter, Progress>();
  /** The client that the command waited for: the end of its input ends the command's input. */
  #owner: FrameWriter | undefined;
  /** Clients that only get the command's last frame. */
  readonly #watchers = new Set<FrameWriter>();
  /** Frames that are held back until the awaited client attaches. */
  #held: Frame[] | undefined;
  #started: Frame | undefined;
  #last: Frame | undefined;

  constructor(agent: AgentConnection, stream: number, { awaitsClient, log }: RelayOptions) {
    this.#agent = agent;
    this.#stream = stream;
    this.#log = log;
    this.#held = awaitsClient ? [] : undefined;
    this.#input = new CommandInput({
      send: (data) => agent.send(MSG.STDIN, stream, data),
      credit: (client, bytes) => client.send(MSG.STDIN_CREDIT, CLIENT_STREAM, encodeU32s(bytes)),
    });
  }

  /** Settles when the command's last frame has been sent to all its clients. */
  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  /** Gives the command's streams to a client; `false` when the command has ended. */
  attach(client: FrameWriter): boolean {
    if (this.#last && !this.#held) return false;
    const missed = this.#held ?? (this.#started ? [this.#started] : []);
    this.#clients.set(client, this.#progress((output) => this.#held ? output.credited : output.sent));
    if (this.#held) this.#owner = client;
    this.#held = undefined;
    for (const frame of missed) client.send(frame.type, CLIENT_STREAM, frame.payload);
    if (this.#last) this.#finish();
    return true;
  }

  /** Sends a client only the command's last frame. */
  watch(client: FrameWriter): void {
    if (this.#last) client.send(this.#last.type, CLIENT_STREAM, this.#last.payload);
    else this.#watchers.add(client);
  }

  /** Removes a client that is gone: the command continues without it. */
  detach(client: FrameWriter): void {
    this.#watchers.delete(client);
    this.#input.forget(client);
    if (this.#clients.delete(client)) this.#creditAll();
  }

  /** Stops waiting for a client: the command continues without one. */
  release(): void {
    if (!this.#held) return;
    this.#held = undefined;
    this.#creditAll();
    if (this.#last) this.#finish();
  }

  /** Sends the command a signal, by its Linux number. */
  signal(signal: number): void {
    this.#agent.send(MSG.SIGNAL, this.#stream, encodeU32s(signal));
  }

  /**
   * Handles a frame from the agent.
   *
   * @throws {ProtocolError} when the guest sends more than it may.
   */
  fromAgent(frame: Frame): void {
    const output = this.#outputs.get(frame.type);
    if (output) {
      this.#count(output, frame.payload.length);
      this.#log?.write(output.name, frame.payload);
    }
    if (frame.type === MSG.STARTED) {
      if (this.#started) throw new ProtocolError("a command started twice");
      this.#started = frame;
    }
    if (frame.type === MSG.STDIN_CREDIT) return this.#input.credit(decodeU32(frame.payload));
    if (frame.type === MSG.EXITED || frame.type === MSG.FAILED) this.#last = frame;
    if (this.#held) {
      this.#held.push(frame);
    } else {
      for (const client of this.#clients.keys()) client.send(frame.type, CLIENT_STREAM, frame.payload);
      if (output) this.#credit(output);
      if (this.#last) this.#finish();
    }
  }

  /**
   * Handles a frame from an attached client.
   *
   * @throws {ProtocolError} for a frame that a client may not send.
   */
  fromClient(client: FrameWriter, { type, payload }: Frame): void {
    if (type === MSG.CREDIT) this.#takeCredit(client, payload);
    else if (type === MSG.STDIN) this.#takeInput(client, payload);
    else if (type === MSG.SIGNAL) this.signal(decodeSignal(payload));
    else if (type === MSG.RESIZE) this.#resize(decodeWindowSize(payload));
    else throw new ProtocolError(`message ${type} of a client`);
  }

  #takeInput(client: FrameWriter, data: Uint8Array): void {
    if (data.length > 0 || client === this.#owner) this.#input.push(client, data);
  }

  #resize({ rows, columns }: WindowSize): void {
    this.#agent.send(MSG.RESIZE, this.#stream, encodeU32s(rows, columns));
  }

  /** Refuses credit for bytes that were never sent: it would let the guest exceed its window. */
  #takeCredit(client: FrameWriter, payload: Uint8Array): void {
    const [channel, bytes] = decodeU32s(payload, 2) as [number, number];
    const output = this.#outputs.values().find((output) => output.channel === channel);
    const progress = this.#clients.get(client);
    if (!output || !progress) throw new ProtocolError(`credit for channel ${channel}`);
    const taken = progress.get(output)! + bytes;
    if (taken > output.sent) throw new ProtocolError(`credit for ${taken - output.sent} bytes that were never sent`);
    progress.set(output, taken);
    this.#credit(output);
  }

  #creditAll(): void {
    for (const output of this.#outputs.values()) this.#credit(output);
  }

  /** Gives the guest credit for the bytes that every client has consumed. */
  #credit(output: Output): void {
    let taken = output.sent;
    for (const progress of this.#clients.values()) taken = Math.min(taken, progress.get(output)!);
    const bytes = taken - output.credited;
    if (bytes === 0) return;
    output.credited = taken;
    this.#agent.send(MSG.CREDIT, this.#stream, encodeU32s(output.channel, bytes));
  }

  /** Refuses output beyond the window or after a stream's end: the guest must not fill this process's memory. */
  #count(output: Output, bytes: number): void {
    if (output.ended) throw new ProtocolError(`data after the end of ${output.name}`);
    output.ended = bytes === 0;
    output.sent += bytes;
    const outstanding = output.sent - output.credited;
    if (outstanding > STREAM_WINDOW) throw new ProtocolError(`${outstanding} bytes of a stream without credit`);
  }

  #progress(of: (output: Output) => number): Progress {
    return new Map(this.#outputs.values().map((output) => [output, of(output)]));
  }

  #finish(): void {
    const { type, payload } = this.#last!;
    for (const watcher of this.#watchers) watcher.send(type, CLIENT_STREAM, payload);
    const listeners = [...this.#clients.keys(), ...this.#watchers];
    Promise.all(listeners.map((client) => client.flush())).then(() => this.#finished.resolve());
  }
}
