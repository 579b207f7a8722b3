/**
 * Replaces a value in a hand-written TOML text, and keeps the rest.
 *
 * @module
 */

/** Formats a value as TOML. */
export function toToml(value: number | string | boolean): string {
  return JSON.stringify(value); // These JSON values are valid TOML.
}

/**
 * Sets a key of the top level to a value, in TOML: on the line that has the key, keeping a comment after it, or else on
 * a new last line. The caller must parse the result to learn whether that line is on the top level.
 */
export function withValue(text: string, name: string, value: string): string {
  const start = String.raw`[ \t]*(["']?)${name}\2[ \t]*=[ \t]*`;
  const basic = String.raw`"(?:[^"\\\r\n]|\\.)*"`;
  // Also matches invalid values, so that they can be repaired.
  const other = String.raw`'[^'\r\n]*'|[^#\r\n]*?`;
  const line = new RegExp(String.raw`^(${start})(?:${basic}|${other})([ \t]*(?:#.*)?)$`, "m");
  if (line.test(text)) return text.replace(line, (_, before, _quote, after) => `${before}${value}${after}`);
  return `${text}${text === "" || text.endsWith("\n") ? "" : "\n"}${name} = ${value}\n`;
}
