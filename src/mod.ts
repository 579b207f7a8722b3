/**
 * smolvm for Deno scripts: run OCI images and folders as microVMs.
 *
 * ```ts
 * import { Machine } from "smolvm";
 *
 * const { code, stdout } = await Machine.run("alpine", ["echo", "hello"]);
 * console.log(code, stdout);
 * ```
 *
 * @module
 */

import "./runner/entry.ts"; // First: in a bundle and in an executable, a runner is the script that became it.

export { ERROR_CODES, type ErrorCode, SmolvmError, type SmolvmErrorOptions } from "./errors.ts";
export { Machine } from "./runtime/machine.ts";
export type {
  BackgroundMachine,
  CommandOptions,
  ExecOptions,
  LogOptions,
  Phase,
  RunOptions,
  StartOptions,
  StopOptions,
} from "./runtime/machine.ts";
export type {
  CommandLine,
  MachineOptions,
  MachineSettings,
  MachineUpdate,
  PublishedPort,
  Volume,
} from "./runtime/options.ts";
export { GuestCommand } from "./runtime/guest_command.ts";
export type { CommandResult, CommandStatus, OutputChunk, StreamOptions, WindowSize } from "./runtime/guest_command.ts";
export type {
  ErrorRecord,
  GuestProcess,
  ImageIdentity,
  MachineCommand,
  MachineInfo,
  MachineRecord,
  MachineSource,
  MachineState,
  MachineStats,
  PortSpec,
  UnreadableMachineInfo,
  VolumeSpec,
} from "./runtime/machine_info.ts";
export { Images, type ListedImage, type PullOptions, type Removal } from "./runtime/images.ts";
