import type { ImageConfig } from "../image/config.ts";

/** `PATH` when neither the image nor the user sets it. The agent has the same default. */
export const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The user's settings of the command, which override those of the image. */
export interface MachineCommandOptions {
  /** Arguments; if empty, those of the image. */
  command: readonly string[];
  /** Replaces the image's entrypoint and drops the image's arguments; an empty string removes the entrypoint. */
  entrypoint: string | undefined;
  /** `KEY=VALUE` each; later entries override earlier ones. */
  env: readonly string[];
  /** The guest's host name. */
  hostname: string;
}

/** Returns the arguments to execute: entrypoint and command as docker combines them; `/bin/sh` if both are empty. */
export function commandLine(
  defaults: ImageConfig,
  { command, entrypoint }: Pick<MachineCommandOptions, "command" | "entrypoint">,
): string[] {
  const start = entrypoint === undefined ? defaults.entrypoint : entrypoint === "" ? [] : [entrypoint];
  const rest = command.length > 0 ? command : entrypoint === undefined ? defaults.cmd : [];
  const line = [...start, ...rest];
  return line.length > 0 ? line : ["/bin/sh"];
}

/** Whether the command is systemd, judged by its name as podman does. */
export function isSystemd([program = ""]: readonly string[]): boolean {
  return ["/sbin/init", "/usr/sbin/init", "/usr/local/sbin/init"].includes(program) || /(^|\/)systemd$/.test(program);
}

/** Returns the environment of the command `argv`: the defaults, then the image's variables, then the user's. */
export function commandEnvironment(
  defaults: ImageConfig,
  { argv, env, hostname }: { argv: readonly string[] } & Pick<MachineCommandOptions, "env" | "hostname">,
): string[] {
  // Tells systemd that it manages neither the hardware nor the mounts.
  const container = isSystemd(argv) ? ["container=smolvm"] : [];
  const basic = [`PATH=${DEFAULT_PATH}`, `HOSTNAME=${hostname}`, ...container];
  return mergeEnvironment([...basic, ...defaults.env, ...env]);
}

/** Returns each variable once, with its last value. */
export function mergeEnvironment(env: readonly string[]): string[] {
  return [...new Map(env.map((variable) => [keyOf(variable), variable])).values()];
}

/** Returns the `KEY` of `KEY=VALUE`. */
export function keyOf(variable: string): string {
  return variable.slice(0, variable.indexOf("="));
}
