import type { GuestMount } from "../protocol/messages.ts";
import { type ContainerTree, locate } from "./lookup.ts";
import { type MountPlan, sharedBehind } from "./mounts.ts";

/**
 * Makes a mount point that the image lacks: a guest with a read-only root cannot. Links are followed as in the
 * container.
 */
export function makeMountPoint(tree: ContainerTree, mount: GuestMount, plan: MountPlan): void {
  const { target } = mount;
  const share = sharedBehind(plan, mount);
  const isFile = share !== undefined && Deno.statSync(share.source).isFile;
  // Ignore the mount itself when looking for its mount point.
  const mounts = new Map([...tree.mounts].filter(([path]) => path !== target));
  const names = target.split("/").filter((name) => name !== "");
  for (let count = 1; count <= names.length; count++) {
    const path = `/${names.slice(0, count).join("/")}`;
    if (locate({ ...tree, mounts }, path) !== "missing") continue;
    const parent = locate({ ...tree, mounts }, `/${names.slice(0, count - 1).join("/")}`);
    // It is in one of the guest's own file systems, or behind a dangling link: the guest reports any failure.
    if (parent === "missing" || parent === "unknown") return;
    const place = `${parent.path}/${names[count - 1]}`;
    if (isFile && count === names.length) Deno.writeFileSync(place, new Uint8Array(), { createNew: true, mode: 0o644 });
    else Deno.mkdirSync(place, { mode: 0o755 });
  }
}
