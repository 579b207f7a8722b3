import { allocatedBytesOf } from "../host/disk_usage.ts";
import { listImages } from "../image/list.ts";
import { planImagePrune } from "../image/prune.ts";
import { deleteImage, removePrepared } from "../image/remove.ts";
import { bytesOf, openStore, readStore } from "../image/store.ts";
import { usedImages } from "../image/users.ts";
import { abandonedEphemerals, sweepEphemeralMachines } from "../state/ephemeral.ts";
import { abandonedRemains, sweepRemains } from "../state/machines.ts";

/** Something unused that can be removed. */
export interface PruneStep {
  /** A description for the user. */
  what: string;
  /** @throws {SmolvmError} when it cannot be removed, for example because a machine uses it now. */
  remove: () => Promise<void>;
}

/** A plan of what to remove. */
export interface Prune {
  steps: PruneStep[];
  /** Bytes that all steps free. */
  reclaimableBytes: number;
  /** Bytes freed so far. */
  freedBytes: () => Promise<number>;
}

/**
 * Finds data that no machine uses: dangling images, prepared root filesystems of images without machines, and files of
 * machines whose processes were killed. Removes nothing.
 *
 * @param all whether to include images that have a name
 * @throws {SmolvmError} `dependency`, `image` when the image storage cannot be read; `state`.
 */
export async function planPrune({ all }: { all: boolean }): Promise<Prune> {
  const store = await openStore();
  const content = await readStore(store);
  const listed = await listImages(store);
  const { images, containers, freedBytes } = planImagePrune(listed, content, {
    used: usedImages(),
    all,
  });
  const nameOf = (id: string) => {
    const image = listed.find(({ imageId }) => imageId === id);
    const name = image?.names[0] ?? image?.origin;
    return name ? `${name} (${id.slice(0, 12)})` : id.slice(0, 12);
  };
  const ephemerals = abandonedEphemerals();
  const remains = [...ephemerals, ...abandonedRemains()];
  const sweep = async () => {
    if (ephemerals.length > 0) await sweepEphemeralMachines();
    await sweepRemains();
  };
  const remainsBytes = allocatedBytesOf(remains);
  return {
    steps: [
      ...containers.map((container) => ({
        what: `prepared root filesystem of image ${nameOf(container.imageId)}`,
        remove: () => removePrepared(container, store),
      })),
      ...images.map((image) => ({
        what: `image ${nameOf(image.imageId)}`,
        remove: async () => void await deleteImage(image, store, { force: false }),
      })),
      ...remains.length === 0 ? [] : [{ what: `remains of killed machines: ${remains.length}`, remove: sweep }],
    ],
    reclaimableBytes: freedBytes + remainsBytes,
    async freedBytes() {
      const { layers } = await readStore(store);
      const gone = [...content.layers.keys()].filter((id) => !layers.has(id));
      return bytesOf(gone, content) + remainsBytes - allocatedBytesOf(remains);
    },
  };
}
