import { messageOf, SmolvmError, type SmolvmErrorOptions } from "../errors.ts";
import { osReason } from "../host/os_error.ts";
import { nearestName } from "../nearest.ts";
import { linesOf } from "./lines.ts";

/** What the value of a key must be. */
export interface ValueType {
  /** For messages and help: `an integer from 1 to 16`. */
  expected: string;
  accepts(value: unknown): boolean;
}

/** A TOML file that a person wrote; what is wrong in it is said with its path and its line. */
export class TomlFile {
  readonly #path: string;
  readonly #text: string;
  /** The keys of its top level. */
  readonly values: Record<string, unknown>;

  private constructor(path: string, text: string, values: Record<string, unknown>) {
    this.#path = path;
    this.#text = text;
    this.values = values;
  }

  /** @throws {SmolvmError} `config` when it is not TOML. */
  static async parse(path: string, text: string): Promise<TomlFile> {
    // Loaded only by those who have such a file; by its full name, since others' import maps lack it.
    const { parse } = await import("npm:deno-std@1.4.0/toml/mod.js");
    try {
      return new TomlFile(path, text, parse(text));
    } catch (error) {
      throw new SmolvmError("config", `Cannot parse "${path}": ${messageOf(error)}`, { cause: error });
    }
  }

  /**
   * Refuses unknown keys, values of a wrong type, and keys that are there twice.
   *
   * @throws {SmolvmError} `config`.
   */
  check(types: Readonly<Record<string, ValueType>>): void {
    const values = Object.entries(this.values);
    for (const [name] of values) {
      if (Object.hasOwn(types, name)) continue;
      const nearest = nearestName(name, Object.keys(types));
      throw this.error(name, `unknown key "${name}"`, { hint: nearest && `Did you mean ${nearest}?` });
    }
    for (const [name, value] of values) {
      const { accepts, expected } = types[name]!;
      if (!accepts(value)) throw this.error(name, `${name} is ${describe(value)}, expected ${expected}`);
    }
    for (const [name] of values) {
      // The parser takes the last.
      const [, again] = linesOf(this.#text, name);
      if (again !== undefined) throw this.#errorAt(again, `${name} is set twice`);
    }
  }

  /** What is wrong with a key. */
  error(name: string, problem: string, options?: SmolvmErrorOptions): SmolvmError {
    return this.#errorAt(linesOf(this.#text, name)[0], problem, options);
  }

  #errorAt(line: number | undefined, problem: string, options?: SmolvmErrorOptions): SmolvmError {
    const place = `"${this.#path}"${line === undefined ? "" : `, line ${line}`}`;
    return new SmolvmError("config", `${place}: ${problem}`, options);
  }
}

/**
 * The text of a file, or `undefined` when there is none.
 *
 * @throws {SmolvmError} `config` when it cannot be read or is not UTF-8.
 */
export async function readText(path: string): Promise<string | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new SmolvmError("config", `Cannot read "${path}": ${osReason(error)}`, { cause: error });
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new SmolvmError("config", `Cannot parse "${path}": it is not UTF-8`, { cause: error });
  }
}

/** The longest list that is shown as it is, in characters. */
const SHOWN_LIST = 40;

/** What a value is: itself if it is short, else its type. */
function describe(value: unknown): string {
  if (typeof value === "number") return `${value}`;
  if (typeof value === "string") return JSON.stringify(value);
  if (Array.isArray(value)) {
    const items = JSON.stringify(value);
    return items.length <= SHOWN_LIST ? items : "a list";
  }
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
