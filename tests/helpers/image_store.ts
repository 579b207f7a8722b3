/**
 * Support for tests of images with the real buildah and without a VM.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type ImageStore, makeImageStore } from "../fixtures/images.ts";
import { setEnv } from "./env.ts";

/** Registers a test with a store that this process uses; fails if the test leaves files or mounts behind. */
export function storeTest(name: string, test: (store: ImageStore) => Promise<void>): void {
  Deno.test(name, async () => {
    const store = await makeImageStore();
    try {
      using _ = setEnv({ ...store.env, PATH: Deno.env.get("PATH") });
      await Deno.mkdir(`${store.folder}/rootfs/bin`, { recursive: true });
      await Deno.writeTextFile(`${store.folder}/rootfs/content`, "one");
      await test(store);
      assert.deepEqual(leftInState(store), [], "files beside the records");
    } finally {
      await store[Symbol.asyncDispose]();
    }
    assert.deepEqual(mountsBelow(store.folder), []);
  });
}

/** The locks, temporary folders and files that smolvm did not remove. */
export function leftInState({ env }: ImageStore): string[] {
  try {
    const names = [...Deno.readDirSync(`${env.XDG_STATE_HOME}/smolvm/images`)].map(({ name }) => name);
    return names.filter((name) => !/^[0-9a-f]{32}\.json$/.test(name));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** The mount points below a folder, the outermost first. */
export function mountsBelow(folder: string): string[] {
  const table = Deno.readTextFileSync("/proc/self/mountinfo").split("\n");
  return table.map((line) => line.split(" ")[4] ?? "").filter((path) => path.startsWith(folder));
}

/** The names of the working containers in a store. */
export async function containersOf(store: ImageStore): Promise<string[]> {
  return (await store.buildah("containers", "--all", "--noheading", "--format", "{{.ContainerName}}")).split("\n")
    .filter((name) => name !== "");
}
