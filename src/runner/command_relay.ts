import type { AgentConnection } from "../protocol/agent_connection.ts";
import { CHANNEL, MSG, STREAM_WINDOW } from "../protocol/constants.ts";
import type { Frame } from "../protocol/frame.ts";
import type { FrameWriter } from "../protocol/frame_writer.ts";
import { decodeU32s } from "../protocol/messages.ts";
import { ProtocolError } from "../protocol/payload.ts";

/** What a client may send for its command. */
const CLIENT_MESSAGES: readonly number[] = [MSG.STDIN, MSG.RESIZE, MSG.SIGNAL, MSG.CREDIT];

const MESSAGE_OF_CHANNEL: Record<number, number> = { [CHANNEL.STDOUT]: MSG.STDOUT, [CHANNEL.STDERR]: MSG.STDERR };

/**
 * Passes frames between a command in the guest and its client. The windows are the client's and the agent's own: it
 * keeps nothing but what the command wrote before a client came, at most a window of each stream.
 */
export class CommandRelay {
  readonly #agent: AgentConnection;
  readonly #stream: number;
  readonly #outstanding = new Map<number, number>([[MSG.STDOUT, 0], [MSG.STDERR, 0]]);
  readonly #finished = Promise.withResolvers<void>();
  #held: Frame[] = [];
  #client: FrameWriter | undefined;

  constructor(agent: AgentConnection, stream: number) {
    this.#agent = agent;
    this.#stream = stream;
  }

  /** Settles when the command's last frame has reached its client. */
  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  /** Gives the command's streams to a client; `false` when it has one already. */
  attach(client: FrameWriter): boolean {
    if (this.#client) return false;
    this.#client = client;
    for (const frame of this.#held.splice(0)) this.#pass(frame, client);
    return true;
  }

  /**
   * A frame of the agent.
   *
   * @throws {ProtocolError} when the guest sends more than it may.
   */
  fromAgent(frame: Frame): void {
    this.#checkWindow(frame);
    if (this.#client) this.#pass(frame, this.#client);
    else this.#held.push(frame);
  }

  /**
   * A frame of the client.
   *
   * @throws {ProtocolError} for one that a client may not send.
   */
  fromClient({ type, payload }: Frame): void {
    if (!CLIENT_MESSAGES.includes(type)) throw new ProtocolError(`message ${type} of a client`);
    if (type === MSG.CREDIT) this.#takeCredit(payload);
    this.#agent.send(type, this.#stream, payload);
  }

  /** Credit for what was never sent would let the guest exceed its window. */
  #takeCredit(payload: Uint8Array): void {
    const [channel, bytes] = decodeU32s(payload, 2) as [number, number];
    const message = MESSAGE_OF_CHANNEL[channel];
    if (message === undefined) throw new ProtocolError(`credit for channel ${channel}`);
    const outstanding = this.#outstanding.get(message)! - bytes;
    if (outstanding < 0) throw new ProtocolError(`credit for ${-outstanding} bytes that were never sent`);
    this.#outstanding.set(message, outstanding);
  }

  /** The guest is not trusted to keep its window, or it would fill this process's memory. */
  #checkWindow({ type, payload }: Frame): void {
    const before = this.#outstanding.get(type);
    if (before === undefined) return;
    const outstanding = before + payload.length;
    if (outstanding > STREAM_WINDOW) throw new ProtocolError(`${outstanding} bytes of a stream without credit`);
    this.#outstanding.set(type, outstanding);
  }

  #pass({ type, payload }: Frame, client: FrameWriter): void {
    client.send(type, this.#stream, payload);
    if (type === MSG.EXITED || type === MSG.FAILED) client.flush().then(() => this.#finished.resolve());
  }
}
