import { Command, type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import type { Smolfile } from "../config/smolfile.ts";
import { SmolvmError } from "../errors.ts";
import { logLevel } from "../log.ts";
import type { MachineSettings, PortSpec, VolumeSpec } from "../mod.ts";
import {
  collectEnv,
  collectEnvFile,
  collectPort,
  collectVolume,
  parseBoolean,
  parseCpus,
  parseDisk,
  parseHostname,
  parseMemory,
  parseNameserver,
  parseUser,
  parseWorkdir,
  toVariables,
} from "./parse.ts";
import { StatusLine } from "./output/status_line.ts";

/** A command with the arguments and options that describe a machine. */
export function machineCommand(name: string) {
  return new Command(name)
    .argument("[source]", "image reference or folder (needed unless a Smolfile has one)")
    .argument("[command...]", "command to run (default: the image's, else /bin/sh)")
    .option("-f, --file <file>", "read what the machine is from a Smolfile; options win over it")
    .option("--name <name>", "name of the machine (default: generated)")
    .option("-m, --memory <size>", "memory: MiB, or with a unit such as 512m or 1g (default: 512)", parseMemory)
    .option("-c, --cpus <count>", "virtual CPUs (default: 1)", parseCpus)
    .option("--disk <size>", "size of its disk, with a unit such as 512m or 40g (default: 10g)", parseDisk)
    .option("-w, --workdir <dir>", "working directory in the guest", parseWorkdir)
    .option("-e, --env <variable>", "set KEY=VALUE, or inherit KEY (repeatable)", collectEnv)
    .option("--env-file <file>", "read variables from a file (repeatable)", collectEnvFile)
    .option("-v, --volume <host:guest[:ro]>", "mount a folder of the host (repeatable)", collectVolume)
    .option(
      "-p, --publish <[ip:]host:guest>",
      "publish a TCP port of the guest, at 127.0.0.1 unless ip is given; needs no --net (repeatable)",
      collectPort,
    )
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
    .option("-q, --quiet", "no progress")
    .passThroughOptions();
}

/** The options of such a command, as they were given. */
export interface GivenOptions {
  file?: string;
  name?: string;
  memory?: number;
  cpus?: number;
  disk?: number;
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

/** What such a command line says. */
export interface DescribedMachine extends MachineSettings {
  source: string;
  /** Empty: what the image says. */
  command: string[];
}

/**
 * The machine that such a command line describes: what is given there, else what its Smolfile has. What may be repeated
 * is added up. Its progress is told on standard error.
 *
 * @throws {SmolvmError} `usage`, `config`.
 */
export async function machineOptions(
  self: CommandUnknownOpts,
  options: GivenOptions,
  status: StatusLine | undefined,
): Promise<DescribedMachine> {
  const { quiet } = self.optsWithGlobals();
  const file = options.file === undefined ? undefined : await declared(options.file);
  const net = options.net ?? file?.net ?? false;
  const dns = options.dns ?? file?.dns;
  if (dns !== undefined && !net) {
    const asked = options.dns === undefined ? `the dns of "${options.file}"` : "--dns";
    throw new SmolvmError("usage", `Cannot use ${asked} without --net: the guest has no network`);
  }
  const root = rootAndCommand(self, options.file, file);
  return {
    ...root,
    name: options.name,
    cpus: options.cpus ?? file?.cpus,
    memoryMib: options.memory ?? file?.memoryMib,
    diskBytes: options.disk ?? file?.diskBytes,
    workdir: options.workdir ?? file?.workdir,
    env: toVariables([...file?.env ?? [], ...options.envFile ?? [], ...options.env ?? []]),
    volumes: [...file?.volumes ?? [], ...options.volume ?? []],
    ports: [...file?.ports ?? [], ...options.publish ?? []],
    net,
    dns,
    user: options.user ?? file?.user,
    entrypoint: options.entrypoint,
    hostname: options.hostname,
    pull: options.pull,
    tlsVerify: options.tlsVerify,
    onPullProgress: quiet ? undefined : (chunk) => {
      status?.clear();
      Deno.stderr.writeSync(chunk);
    },
    onPhase: (phase) => status?.show(phase, root.source),
  };
}

/** What is waited for, for those who watch a terminal; a log of details tells them already. */
export function openStatusLine(self: CommandUnknownOpts): StatusLine | undefined {
  const { quiet } = self.optsWithGlobals();
  const isDetailed = !["error", "warn"].includes(logLevel());
  return quiet || isDetailed || !Deno.stderr.isTerminal() ? undefined : new StatusLine();
}

async function declared(path: string): Promise<Smolfile> {
  // Loaded only by those who have one.
  const { readSmolfile } = await import("../config/smolfile.ts");
  return await readSmolfile(path);
}

/** What is booted and what is run. With a Smolfile, words behind a `--` are a command alone. */
function rootAndCommand(
  self: CommandUnknownOpts,
  path: string | undefined,
  file: Smolfile | undefined,
): Pick<DescribedMachine, "source" | "sourceFolder" | "command"> {
  const words = self.args;
  // Commander does not tell whether there was one.
  const isCommand = file !== undefined && Deno.args.at(-1 - words.length) === "--";
  const [source, command] = isCommand ? [undefined, words] : [words[0], words.slice(1)];
  const rest = { command: command.length > 0 ? command : file?.command ?? [] };
  if (source !== undefined) return { source, ...rest };
  if (file?.image !== undefined) return { source: file.image, sourceFolder: file.folder, ...rest };
  if (file === undefined) self.error("error: missing required argument 'source'");
  throw new SmolvmError("usage", `Cannot use "${path}": it has no image, and no SOURCE is given`);
}

/** `SMOLVM_BOOT_TIMEOUT`: how long a guest may take to boot, in ms; the variable has seconds. */
export function bootTimeoutMs(): number {
  const value = Deno.env.get("SMOLVM_BOOT_TIMEOUT") ?? "60";
  if (/^\d+(\.\d+)?$/.test(value) && Number(value) > 0 && Number(value) <= 86_400) return Number(value) * 1000;
  throw new SmolvmError("usage", `Cannot use SMOLVM_BOOT_TIMEOUT="${value}": expected seconds from above 0 to 86400`);
}
