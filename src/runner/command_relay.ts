import type { AgentConnection } from "../protocol/agent_connection.ts";
import { CHANNEL, MSG, STREAM_WINDOW } from "../protocol/constants.ts";
import type { Frame } from "../protocol/frame.ts";
import type { FrameWriter } from "../protocol/frame_writer.ts";
import { decodeU32s, encodeU32s } from "../protocol/messages.ts";
import { ProtocolError } from "../protocol/payload.ts";
import type { CommandLog } from "./command_log.ts";

/** What a client may send for its command. */
const CLIENT_MESSAGES: readonly number[] = [MSG.STDIN, MSG.RESIZE, MSG.SIGNAL, MSG.CREDIT];

/** One of the streams that a command writes, in bytes since its start. */
interface Output {
  readonly channel: number;
  readonly name: "stdout" | "stderr";
  /** What the guest has sent. */
  sent: number;
  /** What it was given credit for: it may send a window more. */
  credited: number;
}

/** How {@linkcode CommandRelay} treats a command's output. */
export interface RelayOptions {
  /** Whether a client will come, for which everything is held back until then, at most a window of each stream. */
  awaitsClient: boolean;
  /** Takes all that the command writes, whether a client does or not. */
  log?: CommandLog | undefined;
}

/**
 * Passes frames between a command in the guest and its client. While there is one the windows are the client's and the
 * agent's own; without one the command is not kept waiting.
 */
export class CommandRelay {
  readonly #agent: AgentConnection;
  readonly #stream: number;
  readonly #log: CommandLog | undefined;
  readonly #outputs = new Map<number, Output>([
    [MSG.STDOUT, { channel: CHANNEL.STDOUT, name: "stdout", sent: 0, credited: 0 }],
    [MSG.STDERR, { channel: CHANNEL.STDERR, name: "stderr", sent: 0, credited: 0 }],
  ]);
  readonly #finished = Promise.withResolvers<void>();
  /** What came for a client that is still awaited. */
  #held: Frame[] | undefined;
  #client: FrameWriter | undefined;

  constructor(agent: AgentConnection, stream: number, { awaitsClient, log }: RelayOptions) {
    this.#agent = agent;
    this.#stream = stream;
    this.#log = log;
    this.#held = awaitsClient ? [] : undefined;
  }

  /** Settles when the command's last frame has reached whoever wants it. */
  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  /** Gives the command's streams to the client that is awaited; `false` when none is. */
  attach(client: FrameWriter): boolean {
    if (!this.#held) return false;
    const held = this.#held;
    this.#held = undefined;
    this.#client = client;
    for (const frame of held) this.#pass(frame, client);
    return true;
  }

  /** That client is gone: the command goes on without it. */
  detach(client: FrameWriter): void {
    if (client !== this.#client) return;
    this.#client = undefined;
    this.#creditAll();
  }

  /** No client will come: the command goes on without one. */
  release(): void {
    const held = this.#held;
    this.#held = undefined;
    if (!held) return;
    this.#creditAll();
    if (held.some(isLast)) this.#finished.resolve();
  }

  /**
   * A frame of the agent.
   *
   * @throws {ProtocolError} when the guest sends more than it may.
   */
  fromAgent(frame: Frame): void {
    const output = this.#outputs.get(frame.type);
    if (output) {
      this.#count(output, frame.payload.length);
      this.#log?.write(output.name, frame.payload);
    }
    if (this.#client) this.#pass(frame, this.#client);
    else if (this.#held) this.#held.push(frame);
    else if (output) this.#credit(output, output.sent - output.credited);
    else if (isLast(frame)) this.#finished.resolve();
  }

  /**
   * A frame of the client.
   *
   * @throws {ProtocolError} for one that a client may not send.
   */
  fromClient({ type, payload }: Frame): void {
    if (!CLIENT_MESSAGES.includes(type)) throw new ProtocolError(`message ${type} of a client`);
    if (type === MSG.CREDIT) this.#takeCredit(payload);
    else this.#agent.send(type, this.#stream, payload);
  }

  /** Credit for what was never sent would let the guest exceed its window. */
  #takeCredit(payload: Uint8Array): void {
    const [channel, bytes] = decodeU32s(payload, 2) as [number, number];
    const output = this.#outputs.values().find((output) => output.channel === channel);
    if (output === undefined) throw new ProtocolError(`credit for channel ${channel}`);
    const excess = output.credited + bytes - output.sent;
    if (excess > 0) throw new ProtocolError(`credit for ${excess} bytes that were never sent`);
    this.#credit(output, bytes);
  }

  #creditAll(): void {
    for (const output of this.#outputs.values()) this.#credit(output, output.sent - output.credited);
  }

  #credit(output: Output, bytes: number): void {
    if (bytes === 0) return;
    output.credited += bytes;
    this.#agent.send(MSG.CREDIT, this.#stream, encodeU32s(output.channel, bytes));
  }

  /** The guest is not trusted to keep its window, or it would fill this process's memory. */
  #count(output: Output, bytes: number): void {
    output.sent += bytes;
    const outstanding = output.sent - output.credited;
    if (outstanding > STREAM_WINDOW) throw new ProtocolError(`${outstanding} bytes of a stream without credit`);
  }

  #pass(frame: Frame, client: FrameWriter): void {
    client.send(frame.type, this.#stream, frame.payload);
    if (isLast(frame)) client.flush().then(() => this.#finished.resolve());
  }
}

function isLast({ type }: Frame): boolean {
  return type === MSG.EXITED || type === MSG.FAILED;
}
