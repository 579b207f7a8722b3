import { messageOf, SmolvmError, type SmolvmErrorOptions } from "../errors.ts";
import { osReason } from "../host/os_error.ts";
import { nearestName } from "../nearest.ts";
import { parseToml, type Toml } from "./toml.ts";

/** The type of a key's value. */
export interface ValueType {
  /** For messages and help: `an integer from 1 to 16`. */
  expected: string;
  accepts(value: unknown): boolean;
}

/** A TOML file that a person wrote; errors name its path and the line. */
export class TomlFile {
  readonly #path: string;
  readonly #toml: Toml;

  private constructor(path: string, toml: Toml) {
    this.#path = path;
    this.#toml = toml;
  }

  /** @throws {SmolvmError} `config` when it is not TOML. */
  static async parse(path: string, text: string): Promise<TomlFile> {
    try {
      return new TomlFile(path, await parseToml(text));
    } catch (error) {
      throw new SmolvmError("config", `Cannot parse "${path}": ${messageOf(error)}`, { cause: error });
    }
  }

  /** The keys of its top level. */
  get values(): Readonly<Record<string, unknown>> {
    return this.#toml.values;
  }

  /**
   * Refuses unknown keys, and values of a wrong type.
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
  }

  /** An error about a key of the file. */
  error(name: string, problem: string, options?: SmolvmErrorOptions): SmolvmError {
    return new SmolvmError("config", `"${this.#path}", line ${this.#toml.lineOf(name)}: ${problem}`, options);
  }
}

/**
 * Reads the text of a file; `undefined` when it does not exist.
 *
 * @throws {SmolvmError} `config` when it cannot be read or is not UTF-8.
 */
export function readText(path: string): string | undefined {
  let bytes: Uint8Array;
  try {
    bytes = Deno.readFileSync(path);
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

/** The longest list that errors show in full, in characters. */
const SHOWN_LIST = 40;

/** Describes a value: itself if it is short, otherwise its type. */
function describe(value: unknown): string {
  if (typeof value === "number") return `${value}`;
  if (typeof value === "string") return JSON.stringify(value);
  if (Array.isArray(value)) {
    const items = JSON.stringify(value);
    return items.length <= SHOWN_LIST ? items : "a list";
  }
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
