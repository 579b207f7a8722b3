import { type ErrorCode, SmolvmError, type SmolvmErrorOptions } from "../errors.ts";
import type { ReadableMachine } from "../machine/find.ts";
import { runAgentTool, ToolError } from "../requests/agent_tool.ts";
import { GrowingBytes } from "./growing_bytes.ts";
import { untilAborted } from "./until_aborted.ts";

/** Options of an action on a file of a guest. */
export interface FileActionOptions {
  /** Permissions of the new file or folder. */
  mode?: number | undefined;
  stdin?: AsyncIterable<Uint8Array>;
  /** The maximum length of the guest's answer, in bytes; default: 0. */
  maxBytes?: number;
  /** The error's hint when the answer is longer. */
  hint?: string;
  /** Cancels the action, in the guest too. */
  signal?: AbortSignal | undefined;
}

/** The exit code of the agent's tool `files` for a missing path. */
const MISSING = 3;
const MODE_MAX = 0o7777;

/** An action on one path of a guest. */
export class FileAction {
  readonly #machine: ReadableMachine;
  readonly #path: string;
  readonly #what: string;

  /** @param verb the verb of error messages: `Cannot VERB "web:/etc/x"` */
  constructor(verb: string, machine: ReadableMachine, path: string) {
    this.#machine = machine;
    this.#path = path;
    this.#what = `Cannot ${verb} "${machine.record.name}:${path}"`;
  }

  /**
   * Runs the agent's tool `files` with these arguments and the path, and returns its output.
   *
   * @throws {SmolvmError} `no-file`, `file`, `usage`; what {@linkcode runAgentTool} throws; the reason of `signal`.
   */
  async run(
    argv: string[],
    { mode, stdin, maxBytes = 0, hint, signal }: FileActionOptions,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const path = this.#path;
    if (!path.isWellFormed() || path.includes("\0")) throw this.failure("usage", "It is not a valid file name");
    if (mode !== undefined && !(Number.isInteger(mode) && mode >= 0 && mode <= MODE_MAX)) {
      throw this.failure("usage", `${mode} are not valid permissions, expected 0 to 0o7777`);
    }
    const answer = new GrowingBytes();
    const stdout = (data: Uint8Array) => {
      if (answer.length + data.length > maxBytes) {
        return Promise.reject(this.failure("file", `It has more than ${maxBytes} bytes`, { hint }));
      }
      answer.add(data);
      return Promise.resolve();
    };
    const args = ["files", ...argv, `/${path}`, ...(mode === undefined ? [] : [mode.toString(8)])];
    try {
      await untilAborted(signal, (until) => runAgentTool(this.#machine, args, { stdin, stdout, until }));
    } catch (error) {
      if (!(error instanceof ToolError)) throw error;
      throw this.failure(error.status.code === MISSING ? "no-file" : "file", error.message, { cause: error });
    }
    return answer.take();
  }

  /** Returns a parsed answer, or throws if it could not be parsed. */
  understood<T>(answer: T | undefined): T {
    if (answer === undefined) throw this.failure("guest", "The guest's agent sent an invalid answer");
    return answer;
  }

  failure(code: ErrorCode, reason: string, options?: SmolvmErrorOptions): SmolvmError {
    return new SmolvmError(code, `${this.#what}: ${reason}`, options);
  }
}
