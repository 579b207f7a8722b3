import { removeIfThere } from "../host/files.ts";
import type { MachineFolders } from "../state/machine_folders.ts";
import { lockMachine } from "../state/machines.ts";
import { tidyVmFolder } from "../state/vm_folder.ts";
import { isLive, readStatus, writeStatus } from "../state/status.ts";

/**
 * Records that the VM of a persistent machine was killed, after its process is gone. Does nothing if the machine had
 * ended by itself or was started again.
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
