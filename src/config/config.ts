import { messageOf, SmolvmError } from "../errors.ts";
import { Fields } from "../fields.ts";
import { folders } from "../host/folders.ts";
import { isIpAddress } from "../host/ip_address.ts";
import { osReason } from "../host/os_error.ts";
import { MAX_CPUS, MAX_MEMORY_MIB, MIN_MEMORY_MIB } from "../host/vm_limits.ts";

/** What the user set for every machine; `undefined` where they did not. */
export interface Config {
  /** `default_cpus`: virtual CPUs of a machine. */
  defaultCpus: number | undefined;
  /** `default_mem`: memory of a machine in MiB. */
  defaultMem: number | undefined;
  /** `default_dns`: IP address of the name server of machines with network. */
  defaultDns: string | undefined;
}

/**
 * Reads the user's configuration; a missing file is an empty one.
 *
 * @throws {SmolvmError} `config`, naming the file, the line and the key.
 */
export async function readConfig(path = folders().configFile): Promise<Config> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return parseConfig({}, path);
    throw new SmolvmError("config", `Cannot read "${path}": ${osReason(error)}`, { cause: error });
  }
  // Loaded only by those who have such a file.
  const { parse } = await import("@std/toml");
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw new SmolvmError("config", `Cannot parse "${path}": ${messageOf(error)}`, { cause: error });
  }
  return parseConfig(value, path, text);
}

/** The line of a TOML text, from 1, that gives a key its value or opens its table. */
function lineOf(text: string, key: string): number | undefined {
  const keys = text.split("\n").map((line) => line.split("=")[0]!.trim().replace(/^["'[]+(.*?)["'\]]+$/, "$1"));
  const index = keys.indexOf(key);
  return index < 0 ? undefined : index + 1;
}

function parseConfig(value: unknown, path: string, text = ""): Config {
  const fields = new Fields(value, { what: `"${path}"`, code: "config", lineOf: (key) => lineOf(text, key) });
  const config: Config = {
    defaultCpus: fields.has("default_cpus") ? fields.integer("default_cpus", 1, MAX_CPUS) : undefined,
    defaultMem: fields.has("default_mem") ? fields.integer("default_mem", MIN_MEMORY_MIB, MAX_MEMORY_MIB) : undefined,
    defaultDns: fields.has("default_dns") ? fields.string("default_dns") : undefined,
  };
  fields.end();
  if (config.defaultDns !== undefined && !isIpAddress(config.defaultDns)) {
    const line = lineOf(text, "default_dns");
    throw new SmolvmError(
      "config",
      `"${path}", line ${line}: default_dns is "${config.defaultDns}", expected an IP address`,
    );
  }
  return config;
}
