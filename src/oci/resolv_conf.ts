import { isLoopback, nameserversIn } from "../host/resolver.ts";
import { GUEST_LINK } from "../network/guest_link.ts";
import { formatIpv4 } from "../network/ipv4.ts";
import type { GuestMount } from "../protocol/messages.ts";
import type { OciMount } from "./config.ts";
import { type MountPlan, sharedBehind } from "./mounts.ts";
import { readOnly } from "./program.ts";
import { BOOT_FOLDER } from "./spec.ts";

/**
 * A guest's `resolv.conf`. The engine's file is final only when the container starts, because docker rewrites it in a
 * hook. The container therefore gets the engine's file, and its process writes an adapted copy for the guest.
 *
 * @module
 */

const RESOLV_CONF = "/etc/resolv.conf";
/** The engine's file, in the root of a container's process. */
const ENGINES = "/vm/resolv.conf";

/** Makes the empty file `own`, shares it in place of the engine's, and returns the mounts that provide the engine's. */
export function replaceResolvConf(plan: MountPlan, own: string): OciMount[] {
  const mount = mountIn(plan.guest);
  const share = mount && sharedBehind(plan, mount);
  if (share === undefined) return [];
  const engines = readOnly(share.source, ENGINES);
  Deno.writeTextFileSync(own, "", { mode: 0o644 });
  share.source = own;
  // Writable for the container's process only: the guest's mount keeps the engine's flags.
  share.readOnly = false;
  return [engines];
}

/**
 * Writes the container's name servers to the guest's `resolv.conf`, and returns them. A guest cannot reach name servers
 * on the container's loopback: its file names the gateway, which can.
 */
export function writeResolvConf(mounts: readonly GuestMount[]): string[] {
  const mount = mountIn(mounts);
  if (mount === undefined) return [];
  const text = Deno.readTextFileSync(ENGINES);
  Deno.writeTextFileSync(`${BOOT_FOLDER}${mount.source}`, withReachableNameservers(text));
  return nameserversIn(text);
}

/** The text of a `resolv.conf` with only name servers that a guest can reach. */
export function withReachableNameservers(text: string): string {
  if (!nameserversIn(text).some(isLoopback)) return text;
  const rest = text.split("\n").filter((line) => !/^\s*nameserver\b/.test(line));
  return [`nameserver ${formatIpv4(GUEST_LINK.gateway)}`, ...rest].join("\n");
}

/** The guest's mount of the file; `undefined` when the guest uses the file of its image. */
function mountIn(mounts: readonly GuestMount[]): GuestMount | undefined {
  return mounts.findLast(({ target, isTmpfs }) => target === RESOLV_CONF && !isTmpfs);
}
