import { SmolvmError } from "../errors.ts";
import { cString } from "../host/libc.ts";
import { call, checkResult } from "./call.ts";
import type { Krun } from "./symbols.ts";

/** The configuration of a VM. Every path is absolute and without symlinks. */
export interface VmConfig {
  cpus: number;
  memoryMib: number;
  /** Folder that becomes the guest's first root; contains the agent. */
  bootFolder: string;
  /** Path of the agent in the boot folder. */
  agent: string;
  /** Further folders, each on its own device. Empty when one device carries everything. */
  shares: VmShare[];
  /** Raw image that becomes `/dev/vda`. */
  disk: { path: string; durable: boolean } | undefined;
  /** Socket that the guest reaches at this vsock port. It must be listening. */
  vsock: { port: number; socket: string };
  /** The guest's only network interface: the gateway must be listening at the socket, unless libkrun waits for it. */
  net: { socket: string; mac: Uint8Array<ArrayBuffer> } | undefined;
  /** File for the guest's console. */
  consoleLog: string;
}

/** A folder shared by virtiofs. */
export interface VmShare {
  tag: string;
  path: string;
  readOnly: boolean;
}

const RAW = 0;
const SYNC_NONE = 0;
const SYNC_FULL = 2;
/** Checksum and segmentation offload; the same value as in `libkrun.h`. */
const NET_FEATURES = 0x4c83;
const NO_DESCRIPTOR = -1;
/** The tag of the share that the kernel mounts as its root. */
const ROOT_TAG = "/dev/root";
/**
 * Kernel initcalls that only delay the boot: a self-test of the CPU jitter random number generator, which is one of
 * several sources for the kernel's cryptography, and a benchmark that selects a checksum implementation for Btrfs.
 */
const NEEDLESS_INITCALLS = ["jent_mod_init", "calibrate_xor_blocks"];
/** Passed to libkrun as environment variables of its init; libkrun puts them on the kernel's command line. */
const KERNEL_WORDS = ["KRUN_INIT_PID1=1", `initcall_blacklist=${NEEDLESS_INITCALLS.join(",")}`];

/** Log levels of libkrun. */
export const KRUN_LOG_LEVELS = { error: 1, warn: 2, info: 3, debug: 4, trace: 5 } as const;

/** Sends libkrun's own messages to a descriptor, which libkrun then owns. Call it once, before anything else. */
export function initLog(krun: Krun, fd: number, level: keyof typeof KRUN_LOG_LEVELS): void {
  const STYLE_NEVER = 2;
  const NO_ENV = 1;
  // Before 1.13 libkrun stays silent unless told otherwise.
  if (krun.krun_init_log) call(krun, "krun_init_log", fd, KRUN_LOG_LEVELS[level], STYLE_NEVER, NO_ENV);
}

/**
 * Builds the VM and starts it. The promise settles only if the start fails: the process ends with the VM.
 *
 * @throws {SmolvmError} `krun` for a failed call; `dependency` if this libkrun is too old.
 */
export async function startVm(krun: Krun, config: VmConfig): Promise<never> {
  const ctx = call(krun, "krun_create_ctx");
  call(krun, "krun_set_vm_config", ctx, config.cpus, config.memoryMib);
  addRoot(krun, ctx, config.bootFolder);
  for (const share of config.shares) addShare(krun, ctx, share);
  if (config.disk) addDisk(krun, ctx, config.disk);
  addVsock(krun, ctx, config);
  if (config.net) addNetwork(krun, ctx, config.net);
  call(krun, "krun_set_console_output", ctx, cString(config.consoleLog));
  // The init of an older libkrun executes this. Put no data on the kernel command line: the path is fixed, there are no
  // arguments, and the words are constant. The agent gets everything else by its own protocol.
  const words = KERNEL_WORDS.map(cString);
  const addresses = words.map((word) => Deno.UnsafePointer.value(Deno.UnsafePointer.of(word)));
  // SAFETY: `words` are referenced until after the call.
  call(
    krun,
    "krun_set_exec",
    ctx,
    cString(config.agent),
    new BigUint64Array(1),
    new BigUint64Array([...addresses, 0n]),
  );
  words.at(0);
  checkResult("krun_start_enter", await krun.krun_start_enter(ctx));
  throw new SmolvmError("krun", "krun_start_enter returned without an error");
}

function addRoot(krun: Krun, ctx: number, path: string): void {
  // SAFETY, here and below: libkrun copies every string and array passed to it; a buffer must live during the call.
  if (!krun.krun_disable_implicit_init || !krun.krun_add_virtiofs3) {
    return void call(krun, "krun_set_root", ctx, cString(path));
  }
  // The kernel starts the file in the boot folder at the path of libkrun's init.
  call(krun, "krun_disable_implicit_init", ctx);
  // Like `krun_set_root`, but without a DAX window, which smolvm's guests do not use. The guest's kernel would need
  // 8 MiB of memory for the window's pages.
  call(krun, "krun_add_virtiofs3", ctx, cString(ROOT_TAG), cString(path), 0n, false);
}

function addShare(krun: Krun, ctx: number, { tag, path, readOnly }: VmShare): void {
  if (krun.krun_add_virtiofs3) {
    call(krun, "krun_add_virtiofs3", ctx, cString(tag), cString(path), 0n, readOnly);
  } else if (readOnly) {
    throw new SmolvmError("dependency", `Cannot share "${path}" read-only: this libkrun is older than 1.18`, {
      hint: "Upgrade libkrun, or mount it writable.",
    });
  } else {
    call(krun, "krun_add_virtiofs", ctx, cString(tag), cString(path));
  }
}

function addDisk(krun: Krun, ctx: number, { path, durable }: { path: string; durable: boolean }): void {
  const id = cString("disk");
  if (krun.krun_add_disk3) {
    call(krun, "krun_add_disk3", ctx, id, cString(path), RAW, false, false, durable ? SYNC_FULL : SYNC_NONE);
  } else {
    call(krun, "krun_add_disk2", ctx, id, cString(path), RAW, false);
  }
}

function addVsock(krun: Krun, ctx: number, { vsock }: VmConfig): void {
  if (!krun.krun_add_vsock || !krun.krun_disable_implicit_vsock) {
    throw new SmolvmError(
      "dependency",
      "Cannot keep the guest off the host's network: this libkrun is older than 1.17",
      {
        hint: "Upgrade libkrun.",
      },
    );
  }
  call(krun, "krun_disable_implicit_vsock", ctx);
  // Without TSI, libkrun's own network, which would give the guest the host's network.
  call(krun, "krun_add_vsock", ctx, 0);
  call(krun, "krun_add_vsock_port", ctx, vsock.port, cString(vsock.socket));
}

function addNetwork(krun: Krun, ctx: number, { socket, mac }: NonNullable<VmConfig["net"]>): void {
  call(krun, "krun_add_net_unixstream", ctx, cString(socket), NO_DESCRIPTOR, mac, NET_FEATURES, 0);
}
