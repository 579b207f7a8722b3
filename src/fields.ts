import { type ErrorCode, SmolvmError } from "./errors.ts";

/** Where fields come from, for their errors. */
export interface FieldsSource {
  /** Begins each error: `machine "x": memoryMib is a string, expected an integer`. */
  what: string;
  /** The code of each error. */
  code: ErrorCode;
}

/**
 * Reads the fields of an untyped object into typed values, once, at the edge; a field of the wrong type and one that
 * nobody asked for are errors that name it.
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

  strings(name: string): string[] {
    return this.list(name, (item, what) => {
      if (typeof item !== "string") throw this.#wrong(what, item, "a string");
      return item;
    });
  }

  /** A list whose items `read` turns into values; it is given the item's place, such as `volumes[1]`. */
  list<T>(name: string, read: (item: unknown, what: string) => T): T[] {
    const items = this.#take<unknown[]>(name, "a list", Array.isArray);
    return items.map((item, index) => read(item, `${name}[${index}]`));
  }

  /** A list of objects, each read by the same rules. */
  objects(name: string): Fields[] {
    const what = (place: string) => `${this.#source.what}: ${place}`;
    return this.list(name, (item, place) => new Fields(item, { ...this.#source, what: what(place) }));
  }

  /** An object, read by the same rules. */
  object(name: string): Fields {
    const value = this.#take(name, "an object", () => true);
    return new Fields(value, { ...this.#source, what: `${this.#source.what}: ${name}` });
  }

  /** An object whose values are all strings. */
  stringMap(name: string): Record<string, string> {
    const fields = this.object(name);
    return Object.fromEntries([...fields.#fields.keys()].map((key) => [key, fields.string(key)]));
  }

  /** Whether the field is there and not null; a null is taken. */
  has(name: string): boolean {
    if (this.#fields.get(name) === null) this.#fields.delete(name);
    return this.#fields.has(name);
  }

  /** To be called last: fields that were not taken are unknown. */
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
