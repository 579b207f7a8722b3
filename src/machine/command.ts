import type { ImageConfig } from "../image/config.ts";

/** What the guest's shell and `execvp` search when neither the image nor the user says. */
/** Where programs are looked for when nobody says where; the agent has the same. */
export const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What the user says of the command, over what the image says. */
export interface MachineCommandOptions {
  /** Arguments; empty: the image's. */
  command: readonly string[];
  /** Replaces the image's entrypoint, and drops its arguments; empty string: none. */
  entrypoint: string | undefined;
  /** `KEY=VALUE` each, later ones win. */
  env: readonly string[];
  /** The guest's host name. */
  hostname: string;
}

/** The arguments to execute: entrypoint and command as docker combines them, `/bin/sh` when there are none. */
export function commandLine(
  defaults: ImageConfig,
  { command, entrypoint }: Pick<MachineCommandOptions, "command" | "entrypoint">,
): string[] {
  const start = entrypoint === undefined ? defaults.entrypoint : entrypoint === "" ? [] : [entrypoint];
  const rest = command.length > 0 ? command : entrypoint === undefined ? defaults.cmd : [];
  const line = [...start, ...rest];
  return line.length > 0 ? line : ["/bin/sh"];
}

/** Whether a command is that of systemd, by its name, as podman tells. */
export function isSystemd([program = ""]: readonly string[]): boolean {
  return ["/sbin/init", "/usr/sbin/init", "/usr/local/sbin/init"].includes(program) || /(^|\/)systemd$/.test(program);
}

/** The environment of the command that has those arguments: defaults, then the image's, then the user's. */
export function commandEnvironment(
  defaults: ImageConfig,
  { argv, env, hostname }: { argv: readonly string[] } & Pick<MachineCommandOptions, "env" | "hostname">,
): string[] {
  // Tells systemd that neither the hardware nor the mounts are its.
  const container = isSystemd(argv) ? ["container=smolvm"] : [];
  const basic = [`PATH=${DEFAULT_PATH}`, `HOSTNAME=${hostname}`, ...container];
  return mergeEnvironment([...basic, ...defaults.env, ...env]);
}

/** Each variable once, with its last value. */
export function mergeEnvironment(env: readonly string[]): string[] {
  return [...new Map(env.map((variable) => [keyOf(variable), variable])).values()];
}

/** The `KEY` of `KEY=VALUE`. */
export function keyOf(variable: string): string {
  return variable.slice(0, variable.indexOf("="));
}
