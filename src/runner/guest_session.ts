import { messageOf, SmolvmError } from "../errors.ts";
import { startTimer } from "../host/timer.ts";
import { log } from "../log.ts";
import type { AgentConnection } from "../protocol/agent_connection.ts";
import { commandError } from "../protocol/command_error.ts";
import { MSG } from "../protocol/constants.ts";
import { MAIN_STREAM, type StopRequest } from "../protocol/control.ts";
import type { Frame } from "../protocol/frame.ts";
import { decodeExited, decodeFailure, encodeExec, encodeU32s, type Exec, type Setup } from "../protocol/messages.ts";
import { ProtocolError } from "../protocol/payload.ts";
import { encodeError } from "../state/error_record.ts";
import type { MachineStatus } from "../state/status.ts";
import { CommandRelay } from "./command_relay.ts";
import type { StatusWriter } from "./status_writer.ts";

/** The options of a session. */
export interface GuestSessionOptions {
  /** The machine's command. */
  exec: Exec;
  /** Gets the machine's state changes. */
  status: Pick<StatusWriter, "set">;
  relay: CommandRelay;
  /** Called once with the result of the command's start, after the status contains it. */
  onStarted: (error?: SmolvmError) => void;
}

/** Talks to a guest that has dialled: sets it up, runs its command and other commands, and shuts it down. */
export class GuestSession {
  readonly #agent: AgentConnection;
  readonly #options: GuestSessionOptions;
  readonly #ready = Promise.withResolvers<void>();
  /** The commands other than the machine's own, by stream. */
  readonly #others = new Map<number, CommandRelay>();
  readonly #unfinished = new Set<Promise<void>>();
  #nextStream = MAIN_STREAM + 1;
  #isReady = false;
  /** Whether the guest was told to start its command. */
  #isBegun = false;
  #isStarted = false;
  #isStopping = false;
  #isShuttingDown = false;
  #killTimer: Disposable | undefined;

  constructor(agent: AgentConnection, options: GuestSessionOptions) {
    this.#agent = agent;
    this.#options = options;
  }

  /**
   * Sets the guest up and starts its command, unless a stop was requested meanwhile.
   *
   * @throws {ProtocolError} when the guest breaks the protocol, {SetupFailedError} when it cannot be set up.
   */
  async start(setup: () => Setup): Promise<AsyncIterator<Frame, boolean>> {
    const frames = this.#agent.frames(setup, () => this.#begin());
    await frames.next();
    this.#isReady = true;
    this.#ready.resolve();
    log("debug", "the guest is ready");
    if (this.#isShuttingDown) this.#agent.send(MSG.SHUTDOWN);
    else if (!this.#isBegun) this.#shutDown();
    return frames;
  }

  /** Sends the command right after the setup, without waiting for READY. */
  #begin(): void {
    if (this.#isStopping) return;
    this.#isBegun = true;
    this.#agent.send(MSG.EXEC, MAIN_STREAM, encodeExec(this.#options.exec));
  }

  /**
   * Relays the command's frames up to its last one, and then shuts the guest down.
   *
   * @throws {SmolvmError} `interrupted` when a stop prevented the command's start or cut off its output; `guest` when
   * the guest ended.
   */
  async runCommand(frames: AsyncIterator<Frame, boolean>): Promise<void> {
    while (true) {
      const { done, value } = await frames.next();
      if (done && this.#isShuttingDown && value) {
        const what = this.#isStarted ? "command's output was read" : "command started";
        throw new SmolvmError("interrupted", `The machine was stopped before its ${what}`);
      }
      if (done) throw new SmolvmError("guest", "The guest ended before its command");
      if (value.stream !== MAIN_STREAM) {
        this.#passOn(value);
        continue;
      }
      // At once: a later request to stop must not change how the command ended.
      if (isLast(value)) this.#shutDown();
      await this.#record(value);
      this.#options.relay.fromAgent(value);
      if (isLast(value)) return;
    }
  }

  /**
   * Settles when the guest has sent BYE: every process in it is dead, every disk is synced.
   *
   * @throws {SmolvmError} `guest` when it ended without BYE.
   */
  async goodbye(frames: AsyncIterator<Frame, boolean>): Promise<void> {
    while (true) {
      const { done, value } = await frames.next();
      if (!done) this.#passOn(value);
      else if (value) return;
      else throw new SmolvmError("guest", "The guest ended without syncing its disk");
    }
  }

  /** Settles when the last frames of all commands that have ended were sent to their clients. */
  get finished(): Promise<unknown> {
    return Promise.all([this.#options.relay.finished, ...this.#unfinished]);
  }

  /** Runs another command once the guest is ready. Its relay waits for a client. */
  async exec(exec: Exec): Promise<CommandRelay> {
    await this.#ready.promise;
    const stream = this.#nextStream++;
    const relay = new CommandRelay(this.#agent, stream, { awaitsClient: true });
    this.#others.set(stream, relay);
    this.#agent.send(MSG.EXEC, stream, encodeExec(exec));
    return relay;
  }

  /** Sends the command a signal, and shuts the guest down after the time-out. A later request replaces this one. */
  async stop({ signal, timeoutMs }: StopRequest): Promise<void> {
    if (this.#isShuttingDown) return;
    this.#isStopping = true;
    await this.#note({ state: "stopping" });
    if (!this.#isBegun || this.#isShuttingDown) return;
    this.#killTimer?.[Symbol.dispose]();
    this.#agent.send(MSG.SIGNAL, MAIN_STREAM, encodeU32s(signal));
    this.#killTimer = startTimer(timeoutMs, () => this.#shutDown());
  }

  /** Relays a frame of another command. */
  #passOn(frame: Frame): void {
    const relay = this.#others.get(frame.stream);
    if (relay === undefined) throw new ProtocolError(`stream ${frame.stream} does not exist`);
    if (isLast(frame)) {
      this.#others.delete(frame.stream);
      const finished = relay.finished.finally(() => this.#unfinished.delete(finished));
      this.#unfinished.add(finished);
    }
    relay.fromAgent(frame);
  }

  /** Tells the guest to kill its processes, sync its disk and send BYE. */
  #shutDown(): void {
    this.#killTimer?.[Symbol.dispose]();
    if (this.#isShuttingDown) return;
    this.#isShuttingDown = true;
    // Otherwise `start` sends it later: a guest must send READY before BYE.
    if (this.#isReady) this.#agent.send(MSG.SHUTDOWN);
  }

  /** Writes the status. A failure, such as a full disk, must not prevent the guest's shutdown. */
  async #note(change: Partial<MachineStatus>): Promise<void> {
    await this.#options.status.set(change).catch((error) => log("error", messageOf(error)));
  }

  /** Writes the status that a frame implies, before any client gets the frame. */
  async #record({ type, payload }: Frame): Promise<void> {
    const { status, onStarted } = this.#options;
    if (type === MSG.STARTED) {
      this.#isStarted = true;
      const state = this.#isStopping ? "stopping" : "running";
      await status.set({ state, started: new Date().toISOString() });
      onStarted();
    } else if (type === MSG.EXITED) {
      const { oomKilled = false, ...exit } = decodeExited(payload);
      await this.#note({ state: "stopping", exit, oomKilled });
    } else if (type === MSG.FAILED) {
      const error = commandError(decodeFailure(payload));
      await this.#note({ state: "failed", error: encodeError(error) });
      onStarted(error);
    }
  }
}

function isLast({ type }: Frame): boolean {
  return type === MSG.EXITED || type === MSG.FAILED;
}
