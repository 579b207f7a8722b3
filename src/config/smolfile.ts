import { resolve } from "../host/path.ts";
import { SmolvmError } from "../errors.ts";
import type { PortSpec, SecretSpec, VolumeSpec } from "../state/machine_record.ts";
import { readText, TomlFile, type ValueType } from "./toml_file.ts";
import * as values from "./values.ts";

/** The machine in a Smolfile. Each key is like the option of that name; a repeatable option is a list. */
export interface Smolfile {
  /** The absolute base folder of relative paths. */
  folder: string;
  /** Folder or image reference. */
  image: string | undefined;
  /** Empty means the image's command. A single string is a command line for the guest's shell. */
  command: string[];
  cpus: number | undefined;
  /** In MiB. */
  memoryMib: number | undefined;
  /** `KEY=VALUE` each. */
  env: string[];
  /** The host folders are absolute. */
  volumes: VolumeSpec[];
  ports: PortSpec[];
  net: boolean | undefined;
  /** Rules for allowed and denied destinations. */
  allowNet: string[];
  denyNet: string[];
  /** The paths of files are absolute. */
  secrets: SecretSpec[];
  /** Bytes per second, each way. */
  netLimitBytes: number | undefined;
  netConnections: number | undefined;
  /** The networks of machines that it joins. */
  networks: string[];
  networkAliases: string[];
  /** IP address of the name server. */
  dns: string | undefined;
  /** Absolute path in the guest. */
  workdir: string | undefined;
  /** Whether PID 1 of the guest is an init that reaps processes. */
  init: boolean | undefined;
  /** `name|uid[:group|gid]`. */
  user: string | undefined;
  /** Size of the disk in bytes. */
  diskBytes: number | undefined;
}

// A NUL would end the string in the guest's kernel.
const isText = (value: unknown) => typeof value === "string" && !value.includes("\0");
const isList = (value: unknown) => Array.isArray(value) && value.every(isText);
const isNumber = (value: unknown) => typeof value === "number";

const TEXT: ValueType = { expected: "a string", accepts: isText };
const LIST: ValueType = { expected: "a list of strings", accepts: isList };
const BOOLEAN: ValueType = { expected: "true or false", accepts: (value) => typeof value === "boolean" };
const SIZE: ValueType = {
  expected: 'MiB, or a string such as "512m"',
  accepts: (value) => isNumber(value) || isText(value),
};

const KEYS = {
  image: TEXT,
  command: {
    expected: "a string for the shell, or a list of words",
    accepts: (value) => isText(value) || isList(value) && (value as string[]).length > 0,
  },
  cpus: { expected: "a number", accepts: isNumber },
  memory: SIZE,
  env: LIST,
  volumes: LIST,
  ports: LIST,
  net: BOOLEAN,
  allow_net: LIST,
  deny_net: LIST,
  secrets: LIST,
  net_limit: SIZE,
  net_connections: { expected: "a number", accepts: isNumber },
  networks: LIST,
  network_aliases: LIST,
  dns: TEXT,
  workdir: TEXT,
  init: BOOLEAN,
  user: TEXT,
  disk: SIZE,
} satisfies Record<string, ValueType>;

/**
 * Reads a Smolfile.
 *
 * @throws {SmolvmError} `config` when the file is missing or invalid; the message names file, line and key.
 */
export async function readSmolfile(path: string): Promise<Smolfile> {
  const folder = resolve(path, "..");
  const text = readText(path);
  if (text === undefined) throw new SmolvmError("config", `Cannot read "${path}": No such file or directory`);
  const file = await TomlFile.parse(path, text);
  file.check(KEYS);
  const given = file.values as { command?: string | string[]; net?: boolean; init?: boolean };
  const all = <T>(name: keyof typeof KEYS, parse: (text: string) => T) => parseAll(file, name, parse);
  const one = <T>(name: keyof typeof KEYS, parse: (text: string) => T) => all(name, parse)[0];
  return {
    folder,
    image: one("image", (image) => image),
    command: typeof given.command === "string" ? ["/bin/sh", "-c", given.command] : given.command ?? [],
    cpus: one("cpus", values.parseCpus),
    memoryMib: one("memory", values.parseMemory),
    env: all("env", values.parseVariable).flat(),
    volumes: all("volumes", values.parseVolume).map((volume) => ({
      ...volume,
      source: resolve(folder, volume.source),
    })),
    ports: all("ports", values.parsePorts).flat(),
    net: given.net,
    allowNet: all("allow_net", String),
    denyNet: all("deny_net", String),
    secrets: all("secrets", values.parseSecret).map((secret) => ({
      ...secret,
      source: "file" in secret.source ? { file: resolve(folder, secret.source.file) } : secret.source,
    })),
    netLimitBytes: one("net_limit", values.parseRate),
    netConnections: one("net_connections", values.parseConnections),
    networks: all("networks", values.parseNetworkName),
    networkAliases: all("network_aliases", values.parseHostname),
    dns: one("dns", values.parseNameserver),
    workdir: one("workdir", values.parseWorkdir),
    init: given.init,
    user: one("user", values.parseUser),
    diskBytes: one("disk", values.parseDisk),
  };
}

/** Parses the values of a key like the option of that name. */
function parseAll<T>(file: TomlFile, name: string, parse: (text: string) => T): T[] {
  return [file.values[name] ?? []].flat().map((value) => {
    try {
      return parse(`${value}`);
    } catch (error) {
      if (!(error instanceof values.InvalidValueError)) throw error;
      const reason = error.message.replace(/^./, (first) => first.toLowerCase()).replace(/\.$/, "");
      throw file.error(name, `${name} ${JSON.stringify(value)}: ${reason}`);
    }
  });
}
