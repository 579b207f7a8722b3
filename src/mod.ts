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
 * It may be imported by path or by URL, bundled with a script (`deno bundle`) or compiled (`deno compile --allow-all`). By
 * URL, in a bundle and in an executable, `SMOLVM_LIB` names the `lib` folder of a download or a checkout; an executable may
 * have it beside itself instead. A bundle or an executable is also the program of its machines' processes, which get no
 * further than this module: import it first, since they evaluate what is imported before.
 *
 * A script needs these permissions, on Linux, and none while it is loaded; `STATE` is `~/.local/state/smolvm`, `RUNTIME`
 * `$XDG_RUNTIME_DIR/smolvm` (without it: `/run/smolvm` for root, `/tmp/smolvm-UID` for others):
 *
 * - `--allow-read=STATE,RUNTIME,LIB,~/.config/smolvm/smolvm.toml`, and the folders that machines boot from or mount;
 *   with `net` and without `dns` also `/etc/resolv.conf,/run/systemd/resolve/resolv.conf`
 * - `--allow-write=STATE,RUNTIME`
 * - `--allow-env=HOME,XDG_CONFIG_HOME,XDG_STATE_HOME,XDG_RUNTIME_DIR,SMOLVM_LIB`: where those are
 * - `--allow-sys=uid`: whose they are
 * - `--allow-net`: for the sockets in `RUNTIME`, which Deno allows one by one or all together, and to publish ports
 * - `--allow-run=unshare,sh`: a machine's process, in a namespace of its own; and what Deno allows nobody with less than
 *   every permission: to look at that process, and to kill it
 *
 * and for images also:
 *
 * - `--allow-read=/usr/bin/buildah,/var/lib/containers/storage` (not root's: `~/.local/share/containers/storage`), and
 *   archives of images
 * - `--allow-env=PATH,SMOLVM_STORAGE,XDG_DATA_HOME,CONTAINERS_STORAGE_CONF,STORAGE_DRIVER`: where buildah and its storage are
 * - `--allow-run=setpriv,buildah`: buildah, which ends with the script
 *
 * @module
 */

import "./runner/entry.ts"; // First: in a bundle and in an executable, a runner is the script that became it.

export { ERROR_CODES, type ErrorCode, SmolvmError, type SmolvmErrorOptions } from "./errors.ts";
export { Machine } from "./runtime/machine.ts";
export type {
  BackgroundMachine,
  ExecOptions,
  LogOptions,
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
export { Images, type ListedImage, type PullOptions, type Removal } from "./runtime/images.ts";
