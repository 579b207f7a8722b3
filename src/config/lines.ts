/**
 * The lines of a TOML text that people wrote: where a key is, and how its value is replaced without touching the rest.
 *
 * @module
 */

/** A value as TOML writes it. */
export function toToml(value: number | string): string {
  return JSON.stringify(value); // JSON's numbers and strings are TOML's too.
}

/** The numbers, from 1, of the lines that give a key its value or open its table. */
export function linesOf(text: string, name: string): number[] {
  const key = new RegExp(String.raw`^[ \t]*\[{0,2}[ \t]*(["']?)${RegExp.escape(name)}\1[ \t]*[=.\]]`);
  const lines = text.split("\n");
  return statementLines(text).filter((number) => key.test(lines[number - 1]!));
}

/** Strings, comments, brackets and ends of lines: all that tells where a value ends. */
const TOKEN = /"""(?:[^\\]|\\.)*?"""|'''.*?'''|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|#[^\n]*|[[\]{}\n]/gs;

/** The numbers, from 1, of the lines that do not go on with the value of one before them, in a text that is TOML. */
function statementLines(text: string): number[] {
  const numbers = [1];
  let [line, depth] = [1, 0];
  for (const [token] of text.matchAll(TOKEN)) {
    line += token.split("\n").length - 1;
    if (token === "[" || token === "{") depth++;
    if (token === "]" || token === "}") depth--;
    if (token === "\n" && depth === 0) numbers.push(line);
  }
  return numbers;
}

/**
 * Gives a key of the top level that value, in TOML: on the line where it has one, with a comment behind it kept, or else
 * on a line at the end. Only parsing the result says whether that was the top level.
 */
export function withValue(text: string, name: string, value: string): string {
  const start = String.raw`[ \t]*(["']?)${name}\2[ \t]*=[ \t]*`;
  const basic = String.raw`"(?:[^"\\\r\n]|\\.)*"`;
  // Also what no TOML has, so that it can be repaired.
  const other = String.raw`'[^'\r\n]*'|[^#\r\n]*?`;
  const line = new RegExp(String.raw`^(${start})(?:${basic}|${other})([ \t]*(?:#.*)?)$`, "m");
  if (line.test(text)) return text.replace(line, (_, before, _quote, after) => `${before}${value}${after}`);
  return `${text}${text === "" || text.endsWith("\n") ? "" : "\n"}${name} = ${value}\n`;
}
