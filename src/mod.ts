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
 * The module can be imported by path or by URL, bundled with a script (`deno bundle`) or compiled (`deno compile
 * --allow-all`). When imported by URL, in a bundle and in an executable, set `SMOLVM_LIB` to the `lib` folder of a
 * download or a checkout; an executable may have `lib` beside itself instead. The processes of
 * machines run the same bundle or executable, and evaluate it only up to this module: import it first, because these
 * processes evaluate all imports before it.
 *
 * On Linux a script needs these permissions, but none to load the module. `STATE` is `~/.local/state/smolvm`; `RUNTIME`
 * is `$XDG_RUNTIME_DIR/smolvm`, or without that variable `/run/smolvm` for root and `/tmp/smolvm-UID` for others:
 *
 * - `--allow-read=STATE,RUNTIME,LIB,~/.config/smolvm/smolvm.toml`, and the folders that machines boot from or mount;
 *   with `net` and without `dns` also `/etc/resolv.conf,/run/systemd/resolve/resolv.conf`
 * - `--allow-write=STATE,RUNTIME`
 * - `--allow-env=HOME,XDG_CONFIG_HOME,XDG_STATE_HOME,XDG_RUNTIME_DIR,SMOLVM_LIB`: to find these folders; with `secrets`
 *   also `SSL_CERT_FILE`, their variables and the right to read their files
 * - `--allow-sys=uid`: to check their owner
 * - `--allow-net`: for the sockets in `RUNTIME`, which Deno allows one by one or all together, and to publish ports
 * - `--allow-run=LIB/smolvm-jail-x64,sh` (on arm64: `smolvm-jail-arm64`): to start a machine's process in its jail; and
 *   `sh` to inspect and kill that process, which Deno itself allows only with every permission
 *
 * For images also:
 *
 * - `--allow-read=/usr/bin/buildah,/var/lib/containers/storage` (not root's: `~/.local/share/containers/storage`), and
 *   archives of images
 * - `--allow-env=PATH,SMOLVM_STORAGE,XDG_DATA_HOME,CONTAINERS_STORAGE_CONF,STORAGE_DRIVER`: to find buildah and its
 *   storage
 * - `--allow-run=setpriv,buildah`: to run buildah, which ends with the script
 *
 * @module
 */

import "./runner/entry.ts"; // First: in a bundle and in an executable, the script also starts as the runner.

export { ERROR_CODES, type ErrorCode, SmolvmError, type SmolvmErrorOptions } from "./errors.ts";
export { Machine } from "./runtime/machine.ts";
export type {
  BackgroundMachine,
  ExecOptions,
  LogOptions,
  NetworkLogOptions,
  Phase,
  RunOptions,
  StartOptions,
  StopOptions,
} from "./runtime/machine.ts";
export type {
  CommandLine,
  CommandOptions,
  MachineOptions,
  MachineSettings,
  MachineUpdate,
  PublishedPort,
  Secret,
  Volume,
  WarmOptions,
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
  NetworkCounters,
  NetworkDenial,
  NetworkEnd,
  NetworkEvent,
  PortSpec,
  SecretRecord,
  SecretSpec,
  UnreadableMachineInfo,
  VolumeSpec,
} from "./runtime/machine_info.ts";
export type { WarmMachineInfo } from "./runtime/warm_info.ts";
export { GuestFiles } from "./runtime/guest_files.ts";
export type {
  CopyOptions,
  CopyProgress,
  FileKind,
  FileOptions,
  GuestDirEntry,
  GuestFileInfo,
  MkdirOptions,
  ReadFileOptions,
  RemoveOptions,
  WriteFileOptions,
} from "./runtime/guest_files.ts";
export {
  type ListedNetwork,
  type NetworkInfo,
  type NetworkMember,
  type NetworkRecord,
  Networks,
} from "./runtime/networks.ts";
export { Images, type ListedImage, type PullOptions, type Removal } from "./runtime/images.ts";
