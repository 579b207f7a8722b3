import type { ListedImage } from "../image/list.ts";
import type { Removal } from "../image/remove.ts";

export type { ListedImage, Removal };

/** How {@linkcode Images.pull} gets an image. */
export interface PullOptions {
  /** Whether the registry must show a valid certificate; default: buildah's configuration. */
  tlsVerify?: boolean | undefined;
  /** Receives buildah's progress output. */
  onProgress?: ((chunk: Uint8Array) => void) | undefined;
  /** Cancels the pull. */
  signal?: AbortSignal | undefined;
}

/** The images in buildah's storage, which machines boot from. */
export const Images = {
  /**
   * Pulls an image, even if it is already in the storage, and prepares it for booting; returns its full name, such as
   * `docker.io/library/alpine:latest`.
   *
   * @throws {SmolvmError} `source` for an invalid reference; `image` with buildah's error; `dependency` without
   * buildah; the reason of `signal`.
   */
  async pull(reference: string, options: PullOptions = {}): Promise<string> {
    const [{ parseReference }, { prepareImage }] = await Promise.all([
      import("../image/reference.ts"),
      import("../image/prepare.ts"),
    ]);
    try {
      const image = await prepareImage(parseReference(reference), { ...options, pull: "always" });
      using _ = image.hold;
      return image.reference;
    } catch (error) {
      options.signal?.throwIfAborted();
      throw error;
    }
  },

  /**
   * Lists the images, the newest first.
   *
   * @throws {SmolvmError} `image` when the storage cannot be read; `dependency` without buildah.
   */
  async list(): Promise<ListedImage[]> {
    const [{ openStore }, { listImages }] = await Promise.all([
      import("../image/store.ts"),
      import("../image/list.ts"),
    ]);
    return await listImages(await openStore());
  },

  /**
   * Removes an image by name or id. For an image with several names, removes only the given name.
   *
   * @param options `force`: remove it with all its names, even if stopped machines need it
   * @throws {SmolvmError} `machine-state` with the machines that use it; `no-image`; `usage`; `image`.
   */
  async remove(reference: string, { force = false }: { force?: boolean | undefined } = {}): Promise<Removal> {
    const [{ openStore }, { removeImage }] = await Promise.all([
      import("../image/store.ts"),
      import("../image/remove.ts"),
    ]);
    return await removeImage(reference, await openStore(), { force });
  },
} as const;
