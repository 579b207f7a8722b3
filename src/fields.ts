import { type ErrorCode, SmolvmError } from "./errors.ts";

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/;

/** Where fields come from, for error messages. */
export interface FieldsSource {
  /** The start of each error: `machine "x": memoryMib is a string, expected an integer`. */
  what: string;
  /** The code of each error. */
  code: ErrorCode;
}

/**
 * Reads the fields of an untyped object into typed values. A field of the wrong type and an unknown field are errors
 * that name the field.
 */
export class Fields {
  readonly #fields: Map<string, unknown>;
  readonly #source: FieldsSource;

  constructor(value: unknown, source: FieldsSource) {
    this.#source = source;
    const { what, code } = source;
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new SmolvmError(code, `${what} is ${typeName(value)}, expected an object`);
    }
    this.#fields = new Map(Object.entries(value));
  }

  string(name: string): string {
    return this.#take(name, "a string", (value) => typeof value === "string");
  }

  boolean(name: string): boolean {
    return this.#take(name, "a boolean", (value) => typeof value === "boolean");
  }

  /** A whole number from `min` to `max`, both included. */
  integer(name: string, min: number, max: number): number {
    return this.#take(
      name,
      `an integer from ${min} to ${max}`,
      (value) => Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max,
    );
  }

  oneOf<const T extends string>(name: string, values: readonly T[]): T {
    return this.#take(name, `one of ${values.join(", ")}`, (value) => values.includes(value as T));
  }

  /** A time, ISO 8601 in UTC. */
  time(name: string): string {
    const is = (value: unknown) => typeof value === "string" && TIME.test(value) && !isNaN(Date.parse(value));
    return this.#take(name, "a time such as 2026-11-23T12:00:00.000Z", is);
  }

  /**
   * The version of the object; 1 when it is missing.
   *
   * @param newest the version that this smolvm writes
   */
  version(name: string, newest: number): number {
    const version = this.#fields.has(name) ? this.integer(name, 1, Number.MAX_SAFE_INTEGER) : 1;
    if (version <= newest) return version;
    const { what, code } = this.#source;
    throw new SmolvmError(code, `${what} has schema ${version}, but this smolvm supports up to ${newest}`, {
      hint: "A newer smolvm wrote it: use that version.",
    });
  }

  strings(name: string): string[] {
    return this.list(name, (item, what) => {
      if (typeof item !== "string") throw this.#wrong(what, item, "a string");
      return item;
    });
  }

  /** A list whose items are parsed by `read`, which is also given the item's place, such as `volumes[1]`. */
  list<T>(name: string, read: (item: unknown, what: string) => T): T[] {
    const items = this.#take<unknown[]>(name, "a list", Array.isArray);
    return items.map((item, index) => read(item, `${name}[${index}]`));
  }

  /** A list of objects, each read with the same rules. */
  objects(name: string): Fields[] {
    const what = (place: string) => `${this.#source.what}: ${place}`;
    return this.list(name, (item, place) => new Fields(item, { ...this.#source, what: what(place) }));
  }

  /** An object, read with the same rules. */
  object(name: string): Fields {
    const value = this.#take(name, "an object", () => true);
    return new Fields(value, { ...this.#source, what: `${this.#source.what}: ${name}` });
  }

  /** An object whose values are all strings. */
  stringMap(name: string): Record<string, string> {
    const fields = this.object(name);
    return Object.fromEntries([...fields.#fields.keys()].map((key) => [key, fields.string(key)]));
  }

  /** Whether the field exists and is not null; a null field counts as read. */
  has(name: string): boolean {
    if (this.#fields.get(name) === null) this.#fields.delete(name);
    return this.#fields.has(name);
  }

  /** Call this last: fields that were not read are unknown. */
  end(): void {
    const [unknown] = this.#fields.keys();
    if (unknown !== undefined) throw this.#error(`unknown key "${unknown}"`);
  }

  #take<T>(name: string, expected: string, is: (value: unknown) => boolean): T {
    const value = this.#fields.get(name);
    if (!is(value)) throw this.#wrong(name, value, expected);
    this.#fields.delete(name);
    return value as T;
  }

  #wrong(name: string, value: unknown, expected: string): SmolvmError {
    const found = typeof value === "number" ? `${value}` : typeName(value);
    return this.#error(`${name} is ${found}, expected ${expected}`);
  }

  #error(problem: string): SmolvmError {
    const { what, code } = this.#source;
    return new SmolvmError(code, `${what}: ${problem}`);
  }
}

function typeName(value: unknown): string {
  if (value === undefined) return "missing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
