import { SmolvmError } from "../errors.ts";
import { isIpAddress } from "../host/ip_address.ts";
import { MAX_CPUS, MAX_MEMORY_MIB, MIN_MEMORY_MIB } from "../host/vm_limits.ts";
import { nearestName } from "../nearest.ts";
import { MAX_WARM } from "../state/machine_record.ts";
import type { ValueType } from "./toml_file.ts";

/** The effective values: the user's, otherwise the defaults. */
export interface Config {
  /** Virtual CPUs of a machine. */
  defaultCpus: number;
  /** Memory of a machine in MiB. */
  defaultMem: number;
  /** IP address of the name server of machines with network; `undefined`: the host's. */
  defaultDns: string | undefined;
  /** Whether the processes of VMs run without a jail. */
  insecureNoJail: boolean;
  /** The number of warm machines of the default size. */
  warm: number;
  /** The time after which an unused warm machine stops, in seconds. */
  warmIdle: number;
  /** Size in MiB at which a command's log is rotated. */
  logMaxSize: number;
  /** The most files of a log. */
  logMaxFiles: number;
}

/** A value in the file. */
export type ConfigValue = number | string | boolean;

/** The type of a key's values. */
export interface ConfigValueType extends ValueType {
  /** The type in the file; an argument for `mib` may have another unit. */
  kind: "integer" | "mib" | "text" | "boolean";
}

/** A key of the file. `T` is the type of its effective value. */
export interface ConfigKey<T = ConfigValue | undefined> {
  name: string;
  type: ConfigValueType;
  /** The value when the file does not have the key. */
  fallback: T;
  /** A short description, in lower case. */
  meaning: string;
}

/** Every key; reading, showing, setting and explaining use this table. */
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
    meaning: "name server for --net instead of the host's",
  },
  insecureNoJail: {
    name: "insecure_no_jail",
    type: { kind: "boolean", expected: "true or false", accepts: (value) => typeof value === "boolean" },
    fallback: false,
    meaning: "whether VMs run without a jail",
  },
  warm: {
    name: "warm",
    type: integer(0, MAX_WARM),
    fallback: 0,
    meaning: "number of warm machines",
  },
  warmIdle: {
    name: "warm_idle",
    type: integer(1, 86_400),
    fallback: 600,
    meaning: "idle time-out in seconds",
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
