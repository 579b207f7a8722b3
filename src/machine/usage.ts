import { allocatedBytes, allocatedBytesOf } from "../host/disk_usage.ts";
import { listImages } from "../image/list.ts";
import { planImagePrune } from "../image/prune.ts";
import { bytesOf, layersOf, openStore, readStore } from "../image/store.ts";
import { imageUsers, isRunning } from "../image/users.ts";
import { abandonedEphemerals } from "../state/ephemeral.ts";
import { isReadable, listMachines } from "../state/lookup.ts";
import { diskFile, namesIn } from "../state/machine_folders.ts";
import { abandonedRemains } from "../state/machines.ts";

/** What a kind of things takes on the disk. */
export interface Usage {
  type: "images" | "disks" | "logs" | "remains";
  /** How many there are. */
  total: number;
  /** How many of them machines use, or run with. */
  active: number;
  sizeBytes: number;
  /** What could be removed without touching a machine that runs. */
  reclaimableBytes: number;
}

/**
 * What images, the disks and the logs of machines, and what killed processes left take.
 *
 * @throws {SmolvmError} `dependency`, `image` when the storage of images cannot be read; `state`.
 */
export async function diskUsage(): Promise<Usage[]> {
  return [await imageUsage(), ...machineUsage(), remainsUsage()];
}

async function imageUsage(): Promise<Usage> {
  const store = await openStore();
  const content = await readStore(store);
  const used = new Set(imageUsers().keys());
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
    logs: allocatedBytesOf(namesIn(machine.folder).filter(isLog).map((name) => `${machine.folder}/${name}`)),
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

/** Whether a file of a machine is a log, older ones included. */
function isLog(name: string): boolean {
  return /\.log(\.\d+)?$/.test(name);
}

function remainsUsage(): Usage {
  const folders = [...abandonedEphemerals(), ...abandonedRemains()];
  const sizeBytes = allocatedBytesOf(folders);
  return { type: "remains", total: folders.length, active: 0, sizeBytes, reclaimableBytes: sizeBytes };
}

function sum(bytes: number[]): number {
  return bytes.reduce((total, more) => total + more, 0);
}
