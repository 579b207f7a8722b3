import { SmolvmError } from "../errors.ts";
import type { AttachedCommand, CommandIo, ExitStatus } from "../machine/attached.ts";
import { exitCode } from "../machine/exit_code.ts";
import type { WindowSize } from "../machine/launch.ts";
import { signalName, signalNumber } from "../host/signal.ts";
import { type OutputChunk, OutputQueue } from "./output_queue.ts";
import { untilAborted } from "./until_aborted.ts";

export type { OutputChunk, WindowSize };

/** How a command ended. */
export interface CommandStatus {
  /** The exit code of the command; 128+n when signal n killed it. */
  code: number;
  /** The signal that killed it, such as `SIGKILL`; null: none. */
  signal: string | null;
  /** Whether the guest ran out of memory meanwhile and its kernel killed a process, not necessarily this command. */
  oomKilled: boolean;
}

/** How a command ended, and its unread output. */
export interface CommandResult extends CommandStatus {
  /** Standard output, decoded as UTF-8. */
  stdout: string;
  /** Standard error, decoded as UTF-8; empty for a command on a terminal. */
  stderr: string;
}

/** The streams of a command, and a signal that ends it. */
export interface StreamOptions {
  /** Its standard input: bytes, or `piped` to write to {@linkcode GuestCommand.stdin}; default: `/dev/null`. */
  stdin?: "piped" | Uint8Array | AsyncIterable<Uint8Array> | undefined;
  /**
   * Receives its standard output, which is then not kept; the command waits until the promise settles. A rejected
   * promise acts like a closed pipe: the command gets `SIGPIPE`.
   */
  stdout?: ((data: Uint8Array) => Promise<void>) | undefined;
  /** The same for its standard error. */
  stderr?: ((data: Uint8Array) => Promise<void>) | undefined;
  /** Runs the command on a terminal of this size. */
  terminal?: WindowSize | undefined;
  /** The maximum of unread output, in bytes; a command that writes more is ended. Default: 64 MiB. */
  outputLimitBytes?: number | undefined;
  /** Ends the command, in the guest too. */
  signal?: AbortSignal | undefined;
}

/**
 * Starts a command with these streams.
 *
 * @param signal aborts the start
 */
export type StartCommand = (io: CommandIo, signal: AbortSignal) => Promise<AttachedCommand>;

const OUTPUT_LIMIT = 64 * 1024 ** 2;

/**
 * A command in a machine. The call that returns this object starts it.
 *
 * Await it to get the {@linkcode CommandResult}. Iterate over it to read its output as it arrives; the command waits
 * until the next chunk is read. Leaving the loop early ends the command, and so does leaving the scope of an
 * `await using`. If the command cannot be run, awaiting or iterating throws; a non-zero exit code is not an error.
 *
 * ```ts
 * import { Machine } from "smolvm";
 *
 * const machine = await Machine.get("web");
 * const { code, stdout } = await machine.exec(["uname", "-r"]);
 * for await (const { stream, data } of machine.exec("make test")) await Deno[stream].write(data);
 * ```
 */
export class GuestCommand implements PromiseLike<CommandResult>, AsyncIterable<OutputChunk>, AsyncDisposable {
  /** Settles when the command runs. */
  readonly started: Promise<void>;
  /** Settles with how it ended, after all its output has arrived; unread output is kept up to a limit. */
  readonly status: Promise<CommandStatus>;
  readonly #output: OutputQueue;
  readonly #ended = new AbortController();
  readonly #command = Promise.withResolvers<AttachedCommand>();
  readonly #stdin: WritableStream<Uint8Array> | undefined;
  /** Makes writes to `stdin` fail. */
  #breakStdin: (reason: unknown) => void = () => {};
  #result: Promise<CommandResult> | undefined;

  /**
   * Called by the methods of {@linkcode Machine} that return commands.
   *
   * @ignore
   */
  constructor(start: StartCommand, options: StreamOptions = {}) {
    this.#output = new OutputQueue(options.outputLimitBytes ?? OUTPUT_LIMIT);
    let { stdin } = options;
    if (stdin === "piped") {
      const pipe = new TransformStream<Uint8Array, Uint8Array>({
        start: (controller) => void (this.#breakStdin = controller.error.bind(controller)),
      });
      this.#stdin = pipe.writable;
      stdin = pipe.readable;
    }
    const input = stdin && chunksOf(stdin);
    const io: CommandIo = {
      stdin: input,
      stdout: this.#sink("stdout", options.stdout),
      stderr: this.#sink("stderr", options.stderr),
    };
    this.status = this.#run(start, io, options.signal);
    this.started = this.#command.promise.then((command) => Promise.race([command.attachment.started, this.status]))
      .then(() => {});
    // Prevent unhandled rejections: awaiting the command or iterating over it throws the error.
    for (const promise of [this.status, this.started]) promise.catch(() => {});
    // Close the source of the input when the command has ended.
    this.status.catch(() => {}).finally(() => input?.return(undefined).catch(() => {}));
  }

  /**
   * The command's standard input; close it to send end of file. After the command has ended, unread writes fail.
   *
   * @throws {SmolvmError} `usage` unless the option `stdin` is `piped`.
   */
  get stdin(): WritableStream<Uint8Array> {
    if (this.#stdin) return this.#stdin;
    throw new SmolvmError("usage", 'Cannot write to the command: its stdin is not "piped"');
  }

  /**
   * Sends it a signal, such as `SIGTERM` or `HUP`, as soon as it runs; does nothing after it has ended.
   *
   * @throws {SmolvmError} `usage` for an unknown signal.
   */
  kill(signal = "SIGTERM"): void {
    const number = signalNumber(signal);
    this.#whenRunning(({ attachment }) => attachment.signal(number));
  }

  /** Resizes its terminal. */
  resize(size: WindowSize): void {
    this.#whenRunning(({ attachment }) => attachment.resize(size));
  }

  /** Makes it awaitable for its {@linkcode CommandResult}. */
  then<T = CommandResult, E = never>(
    onFulfilled?: ((result: CommandResult) => T | PromiseLike<T>) | null,
    onRejected?: ((reason: unknown) => E | PromiseLike<E>) | null,
  ): Promise<T | E> {
    this.#result ??= this.status.then((status) => ({ ...status, ...this.#output.takeText() }));
    return this.#result.then(onFulfilled, onRejected);
  }

  /** Yields its output as it arrives. */
  async *[Symbol.asyncIterator](): AsyncGenerator<OutputChunk, void> {
    try {
      yield* this.#output.read();
      await this.status;
    } finally {
      await this[Symbol.asyncDispose]();
    }
  }

  /** Ends it if it still runs; a command that was only attached to keeps running. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort(new SmolvmError("interrupted", "The command was ended before it had finished"));
    await this.status.catch(() => {});
  }

  async #run(start: StartCommand, io: CommandIo, given: AbortSignal | undefined): Promise<CommandStatus> {
    const signal = given ? AbortSignal.any([given, this.#ended.signal]) : this.#ended.signal;
    try {
      return await untilAborted(signal, async (until) => {
        await using command = await start(io, signal);
        this.#command.resolve(command);
        return toStatus(await Promise.race([command.finish(), until]));
      });
    } catch (error) {
      this.#command.reject(error);
      this.#breakStdin(error);
      throw error;
    } finally {
      this.#output.end();
      this.#breakStdin(new SmolvmError("guest", "Cannot write to the command: it has ended"));
    }
  }

  #sink(stream: OutputChunk["stream"], given: ((data: Uint8Array) => Promise<void>) | undefined): CommandIo["stdout"] {
    return async (data) => {
      if (data.length === 0) return; // End of file.
      if (given) return await given(data);
      await this.#output.push({ stream, data }).catch((error) => this.#ended.abort(error));
    };
  }

  #whenRunning(act: (command: AttachedCommand) => void): void {
    let isOver = false;
    this.status.finally(() => isOver = true).catch(() => {});
    this.#command.promise.then(async (command) => {
      await this.started;
      if (!isOver) act(command);
    }).catch(() => {}); // The command did not start; `status` reports that.
  }
}

function toStatus(status: ExitStatus): CommandStatus {
  const { signal, oomKilled = false } = status;
  return { code: exitCode(status), signal: signal === undefined ? null : signalName(signal), oomKilled };
}

/** The input as a generator, which can be closed while it waits. */
async function* chunksOf(source: Uint8Array | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* source instanceof Uint8Array ? [source] : source;
}
