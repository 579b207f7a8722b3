/**
 * The OCI runtime with a stub of the VM (tests/fixtures/oci_guest.c), to test engines on hosts that cannot boot VMs.
 *
 * @module
 */

import { exists } from "../../src/host/files.ts";
import { buildStubKrun } from "./stub_krun.ts";

const RUNTIME = decodeURIComponent(new URL("../../smolvm-oci", import.meta.url).pathname);

/** Whether this host can run containers with the stub: this needs root, /dev/kvm and runc. */
export function canRunContainers(): boolean {
  return Deno.uid() === 0 && exists("/dev/kvm") && ["/usr/sbin/runc", "/usr/bin/runc"].some(exists);
}

/**
 * Builds a root filesystem with the programs that the stub knows, `rootfs` in this folder, and a launcher of the
 * runtime, which sets variables because engines clear the environment. Returns the path of the launcher.
 */
export async function buildOciStandIn(folder: string): Promise<string> {
  const library = `${folder}/libkrun.so.1`;
  await buildStubKrun("tests/fixtures/oci_guest.c", library);
  Deno.copyFileSync(library, `${folder}/libkrunfw.so.5`);
  Deno.mkdirSync(`${folder}/rootfs/bin`, { recursive: true });
  for (const program of ["echo", "exit", "cat", "sleep"]) {
    Deno.writeTextFileSync(`${folder}/rootfs/bin/${program}`, "", { mode: 0o755 });
  }
  const env = {
    SMOLVM_LIBKRUN: library,
    SMOLVM_LIBKRUNFW: `${folder}/libkrunfw.so.5`,
    // Debian 12's crun cannot make containers if cgroups of version 1 are mounted too.
    SMOLVM_OCI_RUNTIME: "runc",
    DENO_DIR: Deno.env.get("DENO_DIR") ?? "",
    NO_COLOR: "1",
  };
  const variables = Object.entries(env).map(([name, value]) => `${name}='${value}'`).join(" ");
  const launcher = `${folder}/smolvm-oci`;
  Deno.writeTextFileSync(launcher, `#!/bin/sh\nexec env ${variables} '${RUNTIME}' "$@"\n`, { mode: 0o755 });
  return launcher;
}
