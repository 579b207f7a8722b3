import { messageOf, SmolvmError } from "../errors.ts";
import { makeFolder } from "../host/files.ts";
import { folders } from "../host/folders.ts";
import { osReason } from "../host/os_error.ts";
import { writeFileAtomic } from "../state/atomic_write.ts";
import { type Config, CONFIG_KEYS, type ConfigValue, type ValueType } from "./keys.ts";
import { linesOf, toToml, withValue } from "./lines.ts";

/**
 * Reads the user's configuration; a missing file is an empty one.
 *
 * @throws {SmolvmError} `config`, naming the file, the line and the key.
 */
export async function readConfig(path = folders().configFile): Promise<Config> {
  const text = await readText(path);
  return parseConfig(path, text ?? "", text === undefined ? {} : await parseToml(path, text));
}

/**
 * Gives a key its value in the user's configuration file, and leaves everything else in it as it is; a missing file is
 * made.
 *
 * @throws {SmolvmError} `config` when the file would be broken with that value, `storage` when it cannot be written;
 * it is untouched then.
 */
export async function setConfig(field: keyof Config, value: ConfigValue, path = folders().configFile): Promise<void> {
  const text = withValue(await readText(path) ?? "", CONFIG_KEYS[field].name, toToml(value));
  parseConfig(path, text, await parseToml(path, text));
  const target = await followLinks(path);
  await makeFolder(folderOf(target));
  await writeFileAtomic(target, text, { mode: await modeOf(target) });
}

/** The text of a file, or `undefined` when there is none. */
async function readText(path: string): Promise<string | undefined> {
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

async function parseToml(path: string, text: string): Promise<Record<string, unknown>> {
  // Loaded only by those who have such a file.
  const { parse } = await import("@std/toml");
  try {
    return parse(text);
  } catch (error) {
    throw new SmolvmError("config", `Cannot parse "${path}": ${messageOf(error)}`, { cause: error });
  }
}

function parseConfig(path: string, text: string, values: Record<string, unknown>): Config {
  const broken = (problem: string, line: number | undefined) =>
    new SmolvmError("config", `"${path}"${line === undefined ? "" : `, line ${line}`}: ${problem}`);
  const known = Object.entries(CONFIG_KEYS);
  for (const name of Object.keys(values)) {
    if (known.every(([, key]) => key.name !== name)) throw broken(`unknown key "${name}"`, linesOf(text, name)[0]);
  }
  const entries = known.map(([field, { name, type, fallback }]) => {
    if (!Object.hasOwn(values, name)) return [field, fallback];
    const value = values[name];
    const [line, again] = linesOf(text, name);
    if (!type.accepts(value)) throw broken(`${name} is ${describe(value, type)}, expected ${type.expected}`, line);
    // The parser takes the last.
    if (again !== undefined) throw broken(`${name} is set twice`, again);
    return [field, value];
  });
  return Object.fromEntries(entries);
}

/** What a value is: itself where it is of the right type or a number, else its type. */
function describe(value: unknown, { kind }: ValueType): string {
  if (typeof value === "number") return `${value}`;
  if (typeof value === "string" && kind === "text") return `"${value}"`;
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** The file that a path leads to, which need not be there: a file is replaced, a link to it is kept. */
async function followLinks(path: string): Promise<string> {
  let link: string;
  try {
    link = await Deno.readLink(path);
  } catch {
    return path; // No link, or nothing.
  }
  return await followLinks(link.startsWith("/") ? link : `${folderOf(path)}/${link}`);
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

/** The permissions of a file, or those for a new one. */
async function modeOf(path: string): Promise<number> {
  try {
    return (await Deno.stat(path)).mode! & 0o777;
  } catch {
    return 0o644; // Writing it says what is wrong, if anything is.
  }
}
