import { SmolvmError } from "../errors.ts";
import { agentFile } from "../host/lib_folder.ts";
import type { Libc } from "../host/libc.ts";
import { osReason } from "../host/os_error.ts";
import { bootFolder, rootfsPath, type RunnerSpec } from "../runner_interface/spec.ts";
import { diskFile } from "../state/machine_folders.ts";
import { checkDisk } from "../state/vm_folder.ts";
import { createDisk } from "../storage/disk.ts";
import { bindBootFolder, type BootFolder, shareBootFolder } from "./boot_folder.ts";

/**
 * Builds the boot folder below `root`, the future root of this process, and creates or checks the machine's disk.
 *
 * @throws {SmolvmError} `storage`; `image` when buildah did not name the image's root.
 */
export function prepareBoot(libc: Libc, spec: RunnerSpec, root: string): BootFolder {
  const folder = `${root}${bootFolder(spec)}`;
  const sources = { folder, agent: agentFile(), volumes: spec.machine.volumes };
  const rootfs = rootfsPath(spec.rootfs);
  try {
    Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
    const boot = Deno.build.os === "linux"
      ? bindBootFolder(libc, { ...sources, rootfs: spec.warm === null ? rootfs : undefined })
      : shareBootFolder({ ...sources, rootfs });
    // A persistent machine's disk was created with the machine.
    if (spec.ephemeral) createDisk(diskFile(spec.folder), { sizeBytes: spec.machine.diskBytes });
    else checkDisk(spec.folder);
    return boot;
  } catch (error) {
    if (error instanceof SmolvmError) throw error;
    throw new SmolvmError("storage", `Cannot prepare the guest's root: ${osReason(error)}`, { cause: error });
  }
}
