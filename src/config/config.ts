import { makeFolder } from "../host/files.ts";
import { folders } from "../host/folders.ts";
import { writeFileAtomic } from "../state/atomic_write.ts";
import { type Config, CONFIG_KEYS, type ConfigValue } from "./keys.ts";
import { toToml, withValue } from "./lines.ts";
import { readText, TomlFile } from "./toml_file.ts";

/**
 * Reads the user's configuration; a missing file is an empty one.
 *
 * @throws {SmolvmError} `config`, naming the file, the line and the key.
 */
export async function readConfig(path = folders().configFile): Promise<Config> {
  const text = await readText(path);
  return text === undefined ? inForce({}) : await parseConfig(path, text);
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
  await parseConfig(path, text);
  const target = await followLinks(path);
  await makeFolder(folderOf(target));
  await writeFileAtomic(target, text, { mode: await modeOf(target) });
}

async function parseConfig(path: string, text: string): Promise<Config> {
  const file = await TomlFile.parse(path, text);
  file.check(Object.fromEntries(Object.values(CONFIG_KEYS).map(({ name, type }) => [name, type])));
  return inForce(file.values);
}

function inForce(values: Record<string, unknown>): Config {
  const entries = Object.entries(CONFIG_KEYS).map(([field, { name, fallback }]) => [field, values[name] ?? fallback]);
  return Object.fromEntries(entries);
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
