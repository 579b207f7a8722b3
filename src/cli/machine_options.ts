import type { Smolfile } from "../config/smolfile.ts";
import type { MachineSettings, PortSpec, VolumeSpec } from "../mod.ts";
import { type SourceAndCommand, sourceAndCommand } from "./machine_source.ts";
import { NETWORK_OPTIONS, type NetworkGiven, networkSettings } from "./network_options.ts";
import type { OptionRow } from "./option_table.ts";
import { writeError } from "./output/print.ts";
import type { StatusLine } from "./output/status_line.ts";
import {
  collectEnv,
  collectEnvFile,
  collectPorts,
  collectVolume,
  parseBoolean,
  parseCpus,
  parseDisk,
  parseHostname,
  parseMemory,
  parseUser,
  parseWorkdir,
  toVariables,
} from "./parse.ts";

/** The options that describe a machine. */
export const MACHINE_OPTIONS: readonly OptionRow[] = [
  {
    flags: "-f, --file <file>",
    description: "read the machine's settings from a Smolfile; options override it",
    kind: "file",
  },
  { flags: "--name <name>", description: "name of the machine (default: generated)" },
  {
    flags: "-m, --memory <size>",
    description: "memory: MiB, or with a unit such as 512m or 1g (default: 512)",
    parse: parseMemory,
  },
  { flags: "-c, --cpus <count>", description: "virtual CPUs (default: 1)", parse: parseCpus },
  {
    flags: "--disk <size>",
    description: "size of the disk, with a unit such as 512m or 40g (default: 10g)",
    parse: parseDisk,
  },
  { flags: "-w, --workdir <dir>", description: "working directory in the guest", parse: parseWorkdir },
  { flags: "-e, --env <variable>", description: "set KEY=VALUE, or inherit KEY (repeatable)", parse: collectEnv },
  {
    flags: "--env-file <file>",
    description: "read variables from a file (repeatable)",
    kind: "file",
    parse: collectEnvFile,
  },
  {
    flags: "-v, --volume <host:guest[:ro]>",
    description: "mount a folder of the host; file locks in it are local to the guest (repeatable)",
    kind: "file",
    parse: collectVolume,
  },
  {
    flags: "-p, --publish <[ip:]host:guest>",
    description:
      "publish a port of the guest, by default at 127.0.0.1; append /udp for UDP; ranges such as 8000-8010 are " +
      "allowed; does not need --net (repeatable)",
    parse: collectPorts,
  },
  ...NETWORK_OPTIONS,
  {
    flags: "--insecure-no-jail",
    description: "run the VM process without a jail: root in the guest can then reach the host's files",
  },
  { flags: "-i, --interactive", description: "connect standard input" },
  { flags: "-t, --tty", description: "allocate a terminal for the command" },
  { flags: "--init", description: "run an init as PID 1 of the guest that forwards signals and reaps processes" },
  { flags: "-u, --user <user[:group]>", description: "user in the guest, by name or id", parse: parseUser },
  { flags: "--entrypoint <program>", description: "replace the image's entrypoint" },
  {
    flags: "-h, --hostname <name>",
    description: "host name of the guest (default: the machine's name)",
    parse: parseHostname,
  },
  {
    flags: "--pull <policy>",
    description: "when to pull the image",
    choices: ["always", "missing", "never"],
    default: "missing",
  },
  {
    flags: "--tls-verify <bool>",
    description: "require a valid TLS certificate from the registry",
    kind: "boolean",
    parse: parseBoolean,
  },
  { flags: "-q, --quiet", description: "do not show progress" },
];

/** The parsed values of {@linkcode MACHINE_OPTIONS}. */
export interface GivenOptions extends NetworkGiven {
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
  insecureNoJail?: true;
  interactive?: true;
  tty?: true;
  init?: true;
  user?: string;
  entrypoint?: string;
  hostname?: string;
  pull: "always" | "missing" | "never";
  tlsVerify?: boolean;
  quiet?: true;
}

/** A command line that describes a machine. */
export interface MachineLine {
  /** The name of the command. */
  name: string;
  /** The source and the command. */
  words: string[];
  options: GivenOptions;
}

/** The machine that a command line describes. */
export type DescribedMachine = MachineSettings & SourceAndCommand;

/**
 * Returns the machine that a command line describes. Options override the Smolfile; values of repeatable options are
 * added to the values in the Smolfile. Progress goes to standard error.
 *
 * @throws {SmolvmError} `usage`, `config`.
 */
export async function machineOptions(line: MachineLine, status: StatusLine | undefined): Promise<DescribedMachine> {
  const { options } = line;
  const file = options.file === undefined ? undefined : await declared(options.file);
  const network = networkSettings(options, file);
  const root = sourceAndCommand(line.words, { name: line.name, file, path: options.file });
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
    ...network,
    insecureNoJail: options.insecureNoJail,
    init: options.init ?? file?.init,
    user: options.user ?? file?.user,
    entrypoint: options.entrypoint,
    hostname: options.hostname,
    pull: options.pull,
    tlsVerify: options.tlsVerify,
    onPullProgress: options.quiet ? undefined : (chunk) => {
      status?.clear();
      writeError(chunk);
    },
    onPhase: (phase) => status?.show(phase, root.source),
  };
}

async function declared(path: string): Promise<Smolfile> {
  // Loaded only when there is a Smolfile.
  const { readSmolfile } = await import("../config/smolfile.ts");
  return await readSmolfile(path);
}
