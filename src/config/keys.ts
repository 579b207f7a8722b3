import { SmolvmError } from "../errors.ts";
import { isIpAddress } from "../host/ip_address.ts";
import { MAX_CPUS, MAX_MEMORY_MIB, MIN_MEMORY_MIB } from "../host/vm_limits.ts";
import { nearestName } from "../nearest.ts";
import type { ValueType } from "./toml_file.ts";

/** The values in force: the user's, else the program's own. */
export interface Config {
  /** Virtual CPUs of a machine. */
  defaultCpus: number;
  /** Memory of a machine in MiB. */
  defaultMem: number;
  /** IP address of the name server of machines with network; `undefined`: the host's. */
  defaultDns: string | undefined;
  /** Size in MiB at which a file of a command's log is set aside. */
  logMaxSize: number;
  /** How many files such a log has at most. */
  logMaxFiles: number;
}

/** A value in the file. */
export type ConfigValue = number | string;

/** What the values of a key must be. */
export interface ConfigValueType extends ValueType {
  /** What the file holds, and an argument means: numbers, or a text; `mib` may be given in other units. */
  kind: "integer" | "mib" | "text";
}

/** A key of the file. `T` is the type of its value in force. */
export interface ConfigKey<T = ConfigValue | undefined> {
  name: string;
  type: ConfigValueType;
  /** What is in force when the file does not have the key. */
  fallback: T;
  /** For people: a few words without a capital. */
  meaning: string;
}

/** Every key: what is read, shown, set and explained comes from here. */
export const CONFIG_KEYS: { readonly [Field in keyof Config]: ConfigKey<Config[Field]> } = {
  defaultCpus: { name: "default_cpus", type: integer(1, MAX_CPUS), fallback: 1, meaning: "virtual CPUs" },
  defaultMem: {
    name: "default_mem",
    type: { ...integer(MIN_MEMORY_MIB, MAX_MEMORY_MIB), kind: "mib" },
    fallback: 512,
    meaning: "memory in MiB",
  },
  defaultDns: {
    name: "default_dns",
    type: {
      kind: "text",
      expected: "an IP address",
      accepts: (value) => typeof value === "string" && isIpAddress(value),
    },
    fallback: undefined,
    meaning: "name server with --net, instead of the host's",
  },
  logMaxSize: {
    name: "log_max_size",
    type: { ...integer(1, 1024), kind: "mib" },
    fallback: 10,
    meaning: "log file size in MiB",
  },
  logMaxFiles: { name: "log_max_files", type: integer(1, 100), fallback: 3, meaning: "log files of a machine" },
};

function integer(min: number, max: number): ConfigValueType {
  return {
    kind: "integer",
    expected: `an integer from ${min} to ${max}`,
    accepts: (value) => Number.isSafeInteger(value) && min <= Number(value) && Number(value) <= max,
  };
}

/**
 * The field of {@linkcode Config} that a key of the file is read into.
 *
 * @throws {SmolvmError} `usage` for an unknown key, with the known ones and the nearest of them.
 */
export function fieldOf(name: string): keyof Config {
  const fields = Object.keys(CONFIG_KEYS) as (keyof Config)[];
  const field = fields.find((field) => CONFIG_KEYS[field].name === name);
  if (field !== undefined) return field;
  const names = fields.map((field) => CONFIG_KEYS[field].name);
  const nearest = nearestName(name, names);
  throw new SmolvmError("usage", `Unknown key "${name}": expected one of ${names.join(", ")}`, {
    hint: nearest && `Did you mean ${nearest}?`,
  });
}
