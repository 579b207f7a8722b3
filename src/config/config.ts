import { writeFileAtomic } from "../host/atomic_write.ts";
import { makeFolder } from "../host/files.ts";
import { folders } from "../host/folders.ts";
import { dirname } from "../host/path.ts";
import { type Config, CONFIG_KEYS, type ConfigValue } from "./keys.ts";
import { toToml, withValue } from "./lines.ts";
import { readText, TomlFile } from "./toml_file.ts";

/**
 * Reads the user's configuration; a missing file counts as empty.
 *
 * @throws {SmolvmError} `config`, naming the file, the line and the key.
 */
export async function readConfig(path = folders().configFile): Promise<Config> {
  const text = readText(path);
  return text === undefined ? withDefaults({}) : await parseConfig(path, text);
}

/**
 * Sets the value of a key in the user's configuration file and keeps the rest of the file; creates a missing file.
 *
 * @throws {SmolvmError} `config` when the file would be invalid with that value, `storage` when it cannot be written;
 * the file is unchanged then.
 */
export async function setConfig(field: keyof Config, value: ConfigValue, path = folders().configFile): Promise<void> {
  const text = withValue(readText(path) ?? "", CONFIG_KEYS[field].name, toToml(value));
  await parseConfig(path, text);
  const target = await followLinks(path);
  await makeFolder(dirname(target));
  await writeFileAtomic(target, text, { mode: await modeOf(target) });
}

async function parseConfig(path: string, text: string): Promise<Config> {
  const file = await TomlFile.parse(path, text);
  file.check(Object.fromEntries(Object.values(CONFIG_KEYS).map(({ name, type }) => [name, type])));
  return withDefaults(file.values);
}

function withDefaults(values: Record<string, unknown>): Config {
  const entries = Object.entries(CONFIG_KEYS).map(([field, { name, fallback }]) => [field, values[name] ?? fallback]);
  return Object.fromEntries(entries);
}

/** Follows symlinks to the file to replace, which need not exist, so that the symlinks are kept. */
async function followLinks(path: string): Promise<string> {
  let link: string;
  try {
    link = await Deno.readLink(path);
  } catch {
    return path; // Not a symlink, or missing.
  }
  return await followLinks(link.startsWith("/") ? link : `${dirname(path)}/${link}`);
}

/** The permissions of a file, or those for a new one. */
async function modeOf(path: string): Promise<number> {
  try {
    return (await Deno.stat(path)).mode! & 0o777;
  } catch {
    return 0o644; // Missing, or the write will report the error.
  }
}
