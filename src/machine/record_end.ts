import { removeIfThere } from "../host/files.ts";
import type { MachineFolders } from "../state/machine_folders.ts";
import { lockMachine } from "../state/machines.ts";
import { tidyVmFolder } from "../state/vm_folder.ts";
import { isLive, readStatus, writeStatus } from "../state/status.ts";

/**
 * Writes down that the VM of a machine that persists was ended from outside, once its process is gone; nothing when it
 * had ended by itself, or somebody has started it again.
 */
export async function recordEnd({ folder, runtimeFolder }: MachineFolders): Promise<void> {
  using lock = await lockMachine(folder);
  const status = readStatus(folder);
  if (lock === undefined || status === undefined || !isLive(status.state)) return;
  await removeIfThere(runtimeFolder);
  tidyVmFolder(folder);
  await writeStatus(folder, {
    ...status,
    state: "stopped",
    reason: status.state === "starting" ? "aborted" : "killed",
  });
}
