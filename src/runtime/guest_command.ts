import { SmolvmError } from "../errors.ts";
import type { AttachedCommand, CommandIo, ExitStatus } from "../machine/attached.ts";
import { exitCode } from "../machine/exit_code.ts";
import type { WindowSize } from "../machine/launch.ts";
import { signalName, signalNumber } from "../machine/signal.ts";
import { type OutputChunk, OutputQueue } from "./output_queue.ts";
import { untilAborted } from "./until_aborted.ts";

export type { OutputChunk, WindowSize };

/** How a command ended. */
export interface CommandStatus {
  /** Its exit code; 128+n when signal n killed it. */
  code: number;
  /** The signal that killed it, such as `SIGKILL`. */
  signal: string | null;
}

/** How a command ended, and what it wrote that was not taken before. */
export interface CommandResult extends CommandStatus {
  /** Decoded as UTF-8. */
  stdout: string;
  /** Decoded as UTF-8; empty for a command on a terminal. */
  stderr: string;
}

/** The streams of a command, and what ends it. */
export interface StreamOptions {
  /** Its input: those bytes, or `piped` to write to {@linkcode GuestCommand.stdin}; else `/dev/null`. */
  stdin?: "piped" | Uint8Array | AsyncIterable<Uint8Array> | undefined;
  /**
   * Takes what it writes to its standard output instead, and holds it back until the promise settles. One that rejects
   * is to the command as a pipe that nobody reads: `SIGPIPE`.
   */
  stdout?: ((data: Uint8Array) => Promise<void>) | undefined;
  /** The same for its standard error. */
  stderr?: ((data: Uint8Array) => Promise<void>) | undefined;
  /** Runs it on a terminal of that size. */
  terminal?: WindowSize | undefined;
  /** How much of its output is kept while nobody takes it, in bytes; a command that writes more is ended: 64 MiB. */
  outputLimitBytes?: number | undefined;
  /** Ends it, in the guest too. */
  signal?: AbortSignal | undefined;
}

/**
 * Gives a command its streams.
 *
 * @param signal when aborted, the start may be given up
 */
export type StartCommand = (io: CommandIo, signal: AbortSignal) => Promise<AttachedCommand>;

const OUTPUT_LIMIT = 64 * 1024 ** 2;
/** What a chunk of input may have, by the protocol. */
const INPUT_CHUNK_BYTES = 16 * 1024;

/**
 * A command that runs in a machine, from the call that returns this.
 *
 * Awaited, it has the {@linkcode CommandResult}. Iterated over, it yields its output as it comes, and is held back
 * while nobody takes the next chunk; leaving the loop early ends the command, and so does leaving the scope of an
 * `await using`. A failure to run it, unlike an exit code, is thrown where it is awaited or iterated over.
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
  /** How it ended, once all its output has come; what nobody takes is kept up to a limit. */
  readonly status: Promise<CommandStatus>;
  readonly #output: OutputQueue;
  readonly #ended = new AbortController();
  readonly #command = Promise.withResolvers<AttachedCommand>();
  readonly #stdin: WritableStream<Uint8Array> | undefined;
  /** Has whoever writes to `stdin` told that nobody reads it. */
  #breakStdin: (reason: unknown) => void = () => {};
  #result: Promise<CommandResult> | undefined;

  /**
   * That of {@linkcode Machine}, whose methods return commands.
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
    const input = stdin && inChunks(stdin instanceof Uint8Array ? [stdin] : stdin);
    const io: CommandIo = {
      stdin: input,
      stdout: this.#sink("stdout", options.stdout),
      stderr: this.#sink("stderr", options.stderr),
    };
    this.status = this.#run(start, io, options.signal);
    this.started = this.#command.promise.then((command) => Promise.race([command.attachment.started, this.status]))
      .then(() => {});
    // Whoever awaits or iterates over the command is told.
    for (const promise of [this.status, this.started]) promise.catch(() => {});
    // What the input is read from may be open as long.
    this.status.catch(() => {}).finally(() => input?.return(undefined).catch(() => {}));
  }

  /**
   * What the command reads; closing it is the end of its input. Once the command has ended, a write that it has not read
   * fails.
   *
   * @throws {SmolvmError} `usage` unless the option `stdin` is `piped`.
   */
  get stdin(): WritableStream<Uint8Array> {
    if (this.#stdin) return this.#stdin;
    throw new SmolvmError("usage", 'Cannot write to the command: its stdin is not "piped"');
  }

  /**
   * Sends it a signal, such as `SIGTERM` or `HUP`, once it runs; nothing once it has ended.
   *
   * @throws {SmolvmError} `usage` for what is no signal of Linux.
   */
  kill(signal = "SIGTERM"): void {
    const number = signalNumber(signal);
    this.#whenRunning(({ attachment }) => attachment.signal(number));
  }

  /** Gives its terminal another size. */
  resize(size: WindowSize): void {
    this.#whenRunning(({ attachment }) => attachment.resize(size));
  }

  /** Makes it a promise of its {@linkcode CommandResult}. */
  then<T = CommandResult, E = never>(
    onFulfilled?: ((result: CommandResult) => T | PromiseLike<T>) | null,
    onRejected?: ((reason: unknown) => E | PromiseLike<E>) | null,
  ): Promise<T | E> {
    this.#result ??= this.status.then((status) => ({ ...status, ...this.#output.takeText() }));
    return this.#result.then(onFulfilled, onRejected);
  }

  /** Its output as it comes. */
  async *[Symbol.asyncIterator](): AsyncGenerator<OutputChunk, void> {
    try {
      yield* this.#output.read();
      await this.status;
    } finally {
      await this[Symbol.asyncDispose]();
    }
  }

  /** Ends it if it still runs; of a command that was attached to, only that ends. */
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
      if (data.length === 0) return; // The end.
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
    }).catch(() => {}); // It never ran: told elsewhere.
  }
}

function toStatus(status: ExitStatus): CommandStatus {
  return { code: exitCode(status), signal: status.signal === undefined ? null : signalName(status.signal) };
}

async function* inChunks(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const data of source) {
    for (let at = 0; at < data.length; at += INPUT_CHUNK_BYTES) yield data.subarray(at, at + INPUT_CHUNK_BYTES);
  }
}
