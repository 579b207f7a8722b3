import { Command, Option } from "@commander-js/extra-typings";
import { readConfig } from "../config/config.ts";
import { SmolvmError } from "../errors.ts";
import type { MachineOptions, PortSpec, VolumeSpec } from "../machine/describe.ts";
import {
  collectEnv,
  collectEnvFile,
  collectPort,
  collectVolume,
  parseBoolean,
  parseCpus,
  parseHostname,
  parseMemory,
  parseNameserver,
  parseUser,
  parseWorkdir,
} from "./parse.ts";

/** A command with the arguments and options that describe a machine. */
export function machineCommand(name: string) {
  return new Command(name)
    .argument("<source>", "image reference or folder")
    .argument("[command...]", "command to run (default: the image's, else /bin/sh)")
    .option("--name <name>", "name of the machine (default: generated)")
    .option("-m, --memory <size>", "memory: MiB, or with a unit such as 512m or 1g (default: 512)", parseMemory)
    .option("-c, --cpus <count>", "virtual CPUs (default: 1)", parseCpus)
    .option("-w, --workdir <dir>", "working directory in the guest", parseWorkdir)
    .option("-e, --env <variable>", "set KEY=VALUE, or inherit KEY (repeatable)", collectEnv)
    .option("--env-file <file>", "read variables from a file (repeatable)", collectEnvFile)
    .option("-v, --volume <host:guest[:ro]>", "mount a folder of the host (repeatable)", collectVolume)
    .option("-p, --publish <[ip:]host:guest>", "forward a TCP port of the host (repeatable)", collectPort)
    .option("--net", "give the guest the host's network")
    .option("--dns <address>", "name server of the guest (needs --net)", parseNameserver)
    .option("-i, --interactive", "connect standard input")
    .option("-t, --tty", "run the command on a terminal")
    .option("-u, --user <user[:group]>", "user in the guest, by name or id", parseUser)
    .option("--entrypoint <program>", "replace the image's entrypoint")
    .option("--hostname <name>", "host name of the guest (default: the machine's name)", parseHostname)
    .addOption(
      new Option("--pull <policy>", "when to pull the image").choices(["always", "missing", "never"] as const)
        .default("missing" as const),
    )
    .option("--tls-verify <bool>", "demand a valid certificate of the registry", parseBoolean)
    .option("-q, --quiet", "no progress of pulls")
    .passThroughOptions();
}

/** The options of such a command, as they were given. */
export interface GivenOptions {
  name?: string;
  memory?: number;
  cpus?: number;
  workdir?: string;
  env?: string[];
  envFile?: string[];
  volume?: VolumeSpec[];
  publish?: PortSpec[];
  net?: true;
  dns?: string;
  interactive?: true;
  tty?: true;
  user?: string;
  entrypoint?: string;
  hostname?: string;
  pull: "always" | "missing" | "never";
  tlsVerify?: boolean;
}

/**
 * The machine that such a command line describes, with the configuration's defaults.
 *
 * @throws {SmolvmError} `usage`, `config`.
 */
export async function machineOptions(
  source: string,
  command: string[],
  options: GivenOptions,
  { quiet }: { quiet?: true },
): Promise<MachineOptions> {
  const { net = false, interactive = false, tty = false } = options;
  if (options.dns !== undefined && !net) {
    throw new SmolvmError("usage", "Cannot use --dns without --net: the guest has no network");
  }
  const config = await readConfig();
  return {
    source,
    command,
    name: options.name,
    cpus: options.cpus ?? config.defaultCpus,
    memoryMib: options.memory ?? config.defaultMem,
    workdir: options.workdir,
    env: [...options.envFile ?? [], ...options.env ?? []],
    volumes: options.volume ?? [],
    ports: options.publish ?? [],
    net,
    dns: options.dns ?? config.defaultDns,
    user: options.user,
    entrypoint: options.entrypoint,
    hostname: options.hostname,
    pull: options.pull,
    tlsVerify: options.tlsVerify,
    onPullProgress: quiet ? undefined : (chunk) => Deno.stderr.writeSync(chunk),
    tty,
    stdin: interactive,
  };
}

/** `SMOLVM_BOOT_TIMEOUT`: how long a guest may take to boot, in ms; the variable has seconds. */
export function bootTimeoutMs(): number {
  const value = Deno.env.get("SMOLVM_BOOT_TIMEOUT") ?? "60";
  if (/^\d+(\.\d+)?$/.test(value) && Number(value) > 0 && Number(value) <= 86_400) return Number(value) * 1000;
  throw new SmolvmError("usage", `Cannot use SMOLVM_BOOT_TIMEOUT="${value}": expected seconds from above 0 to 86400`);
}
