import { isLoopback, nameserversIn } from "../host/resolver.ts";
import { GUEST_LINK } from "../network/guest_link.ts";
import { formatIpv4 } from "../network/ipv4.ts";
import type { GuestMount } from "../protocol/messages.ts";
import type { OciMount } from "./config.ts";
import { type MountPlan, sharedBehind } from "./mounts.ts";
import { readOnly } from "./program.ts";
import { BOOT_FOLDER } from "./spec.ts";

/**
 * A guest's `resolv.conf`. What the engine's says is known when the container starts, and not before: docker writes it
 * anew in a hook. So the container has the engine's beside a copy that its process makes for the guest.
 *
 * @module
 */

const RESOLV_CONF = "/etc/resolv.conf";
/** The engine's, in the root of a container's process. */
const ENGINES = "/vm/resolv.conf";

/** Puts an own file, which is made there, in the place of the engine's; returns where the container has that one. */
export function replaceResolvConf(plan: MountPlan, own: string): OciMount[] {
  const mount = mountIn(plan.guest);
  const share = mount && sharedBehind(plan, mount);
  if (share === undefined) return [];
  const engines = readOnly(share.source, ENGINES);
  Deno.writeTextFileSync(own, "", { mode: 0o644 });
  share.source = own;
  // For the container's process alone: the guest mounts it as the engine said.
  share.readOnly = false;
  return [engines];
}

/**
 * Tells the guest the name servers of its container, and returns them. Those on the container's loopback no guest can
 * reach: it is told to ask the gateway, which can.
 */
export function writeResolvConf(mounts: readonly GuestMount[]): string[] {
  const mount = mountIn(mounts);
  if (mount === undefined) return [];
  const text = Deno.readTextFileSync(ENGINES);
  Deno.writeTextFileSync(`${BOOT_FOLDER}${mount.source}`, reachable(text));
  return nameserversIn(text);
}

/** The same with name servers that a guest can reach. */
export function reachable(text: string): string {
  if (!nameserversIn(text).some(isLoopback)) return text;
  const rest = text.split("\n").filter((line) => !/^\s*nameserver\b/.test(line));
  return [`nameserver ${formatIpv4(GUEST_LINK.gateway)}`, ...rest].join("\n");
}

/** The file that the guest mounts; `undefined` for a guest that has its image's. */
function mountIn(mounts: readonly GuestMount[]): GuestMount | undefined {
  return mounts.findLast(({ target, isTmpfs }) => target === RESOLV_CONF && !isTmpfs);
}
