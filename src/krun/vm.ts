import { SmolvmError } from "../errors.ts";
import { cString } from "../host/libc.ts";
import { call, checkResult } from "./call.ts";
import type { Krun } from "./symbols.ts";

/** A VM as libkrun is to build it. Every path is absolute and without symlinks. */
export interface VmConfig {
  cpus: number;
  memoryMib: number;
  /** Folder that becomes the guest's first root; holds the agent. */
  bootFolder: string;
  /** Path of the agent in the boot folder. */
  agent: string;
  /** Further folders, each a device of its own. Empty where one device carries all. */
  shares: VmShare[];
  /** Raw image that becomes `/dev/vda`. */
  disk: { path: string; durable: boolean } | undefined;
  /** Socket that the guest reaches at this vsock port. Must be listening. */
  vsock: { port: number; socket: string };
  /** Whether TSI gives the guest the host's network. */
  net: boolean;
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
const TSI_INET = 1;

/** Log levels of libkrun. */
export const KRUN_LOG_LEVELS = { error: 1, warn: 2, info: 3, debug: 4, trace: 5 } as const;

/** Sends libkrun's own messages to a descriptor, which it takes over. To be called once, before anything else. */
export function initLog(krun: Krun, fd: number, level: keyof typeof KRUN_LOG_LEVELS): void {
  const STYLE_NEVER = 2;
  const NO_ENV = 1;
  // Before 1.13 libkrun stays silent unless told otherwise.
  if (krun.krun_init_log) call(krun, "krun_init_log", fd, KRUN_LOG_LEVELS[level], STYLE_NEVER, NO_ENV);
}

/**
 * Builds the VM and starts it. The promise settles only if the start fails: a VM that ends takes the process along.
 *
 * @throws {SmolvmError} `krun` for a call that failed; `dependency` for what this libkrun is too old for.
 */
export async function startVm(krun: Krun, config: VmConfig): Promise<never> {
  const ctx = call(krun, "krun_create_ctx");
  call(krun, "krun_set_vm_config", ctx, config.cpus, config.memoryMib);
  // SAFETY: libkrun copies every string and array it is given; each buffer needs to live for its call only.
  call(krun, "krun_set_root", ctx, cString(config.bootFolder));
  for (const share of config.shares) addShare(krun, ctx, share);
  if (config.disk) addDisk(krun, ctx, config.disk);
  addVsock(krun, ctx, config);
  call(krun, "krun_set_console_output", ctx, cString(config.consoleLog));
  // The kernel command line is not for data: a fixed path, no argument, one variable. All else goes to the agent.
  const environment = cString("KRUN_INIT_PID1=1");
  const noArguments = new BigUint64Array(1);
  // SAFETY: `environment` is referenced until after the call.
  const pointers = new BigUint64Array([Deno.UnsafePointer.value(Deno.UnsafePointer.of(environment)), 0n]);
  call(krun, "krun_set_exec", ctx, cString(config.agent), noArguments, pointers);
  environment.at(0);
  checkResult("krun_start_enter", await krun.krun_start_enter(ctx));
  throw new SmolvmError("krun", "krun_start_enter returned without an error");
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

function addVsock(krun: Krun, ctx: number, { vsock, net }: VmConfig): void {
  if (krun.krun_add_vsock && krun.krun_disable_implicit_vsock) {
    call(krun, "krun_disable_implicit_vsock", ctx);
    call(krun, "krun_add_vsock", ctx, net ? TSI_INET : 0);
  } else if (!net) {
    throw new SmolvmError("dependency", "Cannot keep the guest off the network: this libkrun is older than 1.17", {
      hint: "Upgrade libkrun, or allow the network with --net.",
    });
  }
  call(krun, "krun_add_vsock_port", ctx, vsock.port, cString(vsock.socket));
}
