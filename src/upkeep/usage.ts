import { allocatedBytes, allocatedBytesOf } from "../host/disk_usage.ts";
import { listImages } from "../image/list.ts";
import { planImagePrune } from "../image/prune.ts";
import { bytesOf, layersOf, openStore, readStore } from "../image/store.ts";
import { isRunning, usedImages } from "../image/users.ts";
import { abandonedEphemerals } from "../state/ephemeral.ts";
import { isReadable, listMachines } from "../state/lookup.ts";
import { diskFile } from "../state/machine_folders.ts";
import { abandonedRemains } from "../state/machines.ts";
import { logFiles } from "../state/vm_folder.ts";
import { listWarmMachines } from "../state/warm.ts";

/** The disk usage of one type of data. */
export interface Usage {
  type: "images" | "disks" | "logs" | "warm" | "remains";
  /** The number of items. */
  total: number;
  /** The number of items that are in use: images by any machine, disks and logs by running machines. */
  active: number;
  sizeBytes: number;
  /** Bytes that can be freed without affecting running machines. */
  reclaimableBytes: number;
}

/**
 * Returns the disk usage of images, machine disks and logs, warm machines, and remains of killed processes.
 *
 * @throws {SmolvmError} `dependency`, `image` when the image storage cannot be read; `state`.
 */
export async function diskUsage(): Promise<Usage[]> {
  return [await imageUsage(), ...machineUsage(), warmUsage(), remainsUsage()];
}

async function imageUsage(): Promise<Usage> {
  const store = await openStore();
  const content = await readStore(store);
  const used = usedImages();
  const { freedBytes } = planImagePrune(await listImages(store), content, { used, all: true });
  return {
    type: "images",
    total: content.images.length,
    active: content.images.filter(({ imageId }) => used.has(imageId)).length,
    sizeBytes: bytesOf(layersOf(content.images, content), content),
    reclaimableBytes: freedBytes,
  };
}

function machineUsage(): Usage[] {
  const machines = listMachines().map((machine) => ({
    runs: !isReadable(machine) || isRunning(machine),
    disks: allocatedBytes(diskFile(machine.folder)),
    logs: allocatedBytesOf(logFiles(machine.folder)),
  }));
  const idle = machines.filter(({ runs }) => !runs);
  return (["disks", "logs"] as const).map((type) => ({
    type,
    total: machines.length,
    active: machines.length - idle.length,
    sizeBytes: sum(machines.map((machine) => machine[type])),
    reclaimableBytes: sum(idle.map((machine) => machine[type])),
  }));
}

/** Returns the usage of warm machines; once a run has taken one, it counts as an ordinary machine. */
function warmUsage(): Usage {
  const folders = listWarmMachines().map(({ folder }) => folder);
  const sizeBytes = allocatedBytesOf(folders);
  return { type: "warm", total: folders.length, active: 0, sizeBytes, reclaimableBytes: sizeBytes };
}

function remainsUsage(): Usage {
  const folders = [...abandonedEphemerals(), ...abandonedRemains()];
  const sizeBytes = allocatedBytesOf(folders);
  return { type: "remains", total: folders.length, active: 0, sizeBytes, reclaimableBytes: sizeBytes };
}

function sum(bytes: number[]): number {
  return bytes.reduce((total, more) => total + more, 0);
}
