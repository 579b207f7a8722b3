/** A parsed TOML text. */
export interface Toml {
  /** The keys of its top level. */
  readonly values: Readonly<Record<string, unknown>>;
  /** The number, from 1, of the first line with a key of the top level; `undefined` when there is none. */
  lineOf(key: string): number | undefined;
}

/** The text is not TOML; the message starts with line and column and is a part of a sentence. */
export class TomlSyntaxError extends Error {
  override readonly name = "TomlSyntaxError";
}

/**
 * Parses TOML 1.1.
 *
 * @throws {TomlSyntaxError}
 */
export async function parseToml(text: string): Promise<Toml> {
  // Loaded only when there is a TOML file; by its full name, because it is not in users' import maps.
  const { parse, TomlError } = await import("npm:smol-toml@1.9.1");
  const read = (text: string): Record<string, unknown> | TomlSyntaxError => {
    try {
      return parse(text);
    } catch (error) {
      if (!(error instanceof TomlError)) throw error;
      // The rest of the message quotes the lines.
      const reason = error.message.split("\n")[0]!.replace(/^Invalid TOML document: /, "");
      return new TomlSyntaxError(`line ${error.line}, column ${error.column}: ${reason}`, { cause: error });
    }
  };
  const values = read(text);
  if (values instanceof TomlSyntaxError) throw values;
  return { values, lineOf: (key) => lineOf(text, key, read) };
}

/**
 * The parser does not report where a key is, so this parses the text up to each end of line. A text that ends inside
 * a value is invalid; the first text that has the key ends with the key's value. Quadratic, so only for errors.
 */
function lineOf(text: string, key: string, read: (text: string) => object): number | undefined {
  let [head, first] = ["", 1];
  for (const [index, line] of text.split("\n").entries()) {
    head += `${line}\n`;
    const values = read(head);
    if (values instanceof TomlSyntaxError) continue;
    if (Object.hasOwn(values, key)) return first;
    first = index + 2;
  }
  return undefined;
}
