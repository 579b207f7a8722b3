/**
 * The functions of libkrun, as `libkrun.h` of 1.19 declares them. Those newer than 1.9 are optional.
 *
 * @module
 */

import type { NativeFunctions } from "../host/native_library.ts";

const REQUIRED = {
  krun_create_ctx: { parameters: [], result: "i32" },
  krun_set_vm_config: { parameters: ["u32", "u8", "u32"], result: "i32" },
  krun_set_root: { parameters: ["u32", "buffer"], result: "i32" },
  krun_add_vsock_port: { parameters: ["u32", "u32", "buffer"], result: "i32" },
  krun_set_exec: { parameters: ["u32", "buffer", "buffer", "buffer"], result: "i32" },
  krun_set_console_output: { parameters: ["u32", "buffer"], result: "i32" },
  // Nonblocking: the event loop continues while the VM runs. It returns only on an error.
  krun_start_enter: { parameters: ["u32"], result: "i32", nonblocking: true },
} as const satisfies NativeFunctions;

const OPTIONAL = {
  /** 1.10 */
  krun_add_disk2: { parameters: ["u32", "buffer", "buffer", "u32", "bool"], result: "i32", optional: true },
  /** 1.13 */
  krun_init_log: { parameters: ["i32", "u32", "u32", "u32"], result: "i32", optional: true },
  /** 1.15 */
  krun_add_net_unixstream: {
    parameters: ["u32", "buffer", "i32", "buffer", "u32", "u32"],
    result: "i32",
    optional: true,
  },
  /** 1.17 */
  krun_add_disk3: {
    parameters: ["u32", "buffer", "buffer", "u32", "bool", "bool", "u32"],
    result: "i32",
    optional: true,
  },
  /** 1.17 */
  krun_disable_implicit_vsock: { parameters: ["u32"], result: "i32", optional: true },
  /** 1.17 */
  krun_add_vsock: { parameters: ["u32", "u32"], result: "i32", optional: true },
  /** 1.17 */
  krun_has_feature: { parameters: ["u64"], result: "i32", optional: true },
  /** 1.18 */
  krun_add_virtiofs3: { parameters: ["u32", "buffer", "buffer", "u64", "bool"], result: "i32", optional: true },
  /** 1.19 */
  krun_disable_implicit_init: { parameters: ["u32"], result: "i32", optional: true },
  /** 1.8, used when {@linkcode OPTIONAL.krun_add_virtiofs3} is missing */
  krun_add_virtiofs: { parameters: ["u32", "buffer", "buffer"], result: "i32", optional: true },
} as const satisfies NativeFunctions;

/** Only in the library that `scripts/build-libkrun` builds. */
const OWN = {
  smolvm_waits_for_network: { parameters: [], result: "i32", optional: true },
} as const satisfies NativeFunctions;

export const KRUN_SYMBOLS = { ...REQUIRED, ...OPTIONAL, ...OWN };

/** libkrun, loaded. */
export type Krun = Deno.DynamicLibrary<typeof KRUN_SYMBOLS>["symbols"];
