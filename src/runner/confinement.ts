import type { Libc } from "../host/libc.ts";
import { enterCgroup } from "../jail/cgroup.ts";
import type { RunnerFilters } from "../jail/filter.ts";
import { beginRoot, enterRoot } from "../jail/root.ts";
import { pingSocket } from "../network/config.ts";
import { CONSOLE_FD, leaveOrders, MESSAGES_FD, type Order } from "../jail/supervisor.ts";
import { bootFolder, rootfsPath, type RunnerSpec } from "../runner_interface/spec.ts";
import { consoleLog, endedMark, machineLock, networkLog, runnerLog, vmFolder } from "../state/machine_folders.ts";
import { hasGateway, imageOf } from "../state/machine_record.ts";
import { namesFolder } from "../state/names.ts";
import { warmFile, warmSocket } from "../state/warm.ts";
import { startGateway } from "./gateway_process.ts";
import type { Prepared } from "./prepared.ts";

/** What holds the process of a VM, which a guest may take over: to be closed step by step while the VM starts. */
export interface Confinement {
  /** Becomes the root of this process: what the VM needs belongs below it. Empty: the root stays the host's. */
  readonly root: string;
  /** Where libkrun is to write what the guest writes to its console. */
  readonly consoleLog: string;
  /** The descriptor for messages of this process and of libkrun. */
  readonly messagesFd: number;
  /** Whether somebody else removes what the machine leaves outside of its `vm` folder. */
  readonly isSupervised: boolean;
  /** Leaves this process nothing of the host but what the VM needs. To be called right before the VM starts. */
  close(): void;
  /** Lets the machine be removed as soon as this process ends: its command has ended, and so nobody has to read why. */
  end(): void;
  /** Takes away what only the boot needed. To be called when the guest has dialled, before it is answered. */
  narrow(): void;
}

/**
 * Begins to confine this process, which holds the lock of its machine, and has its gateway started.
 *
 * @throws {SmolvmError} `jail`.
 */
export function confine(spec: RunnerSpec, { libc, filters }: Pick<Prepared, "libc" | "filters">): Confinement {
  if (filters === undefined) return unconfined(libc, spec);
  const cgroup = enterCgroup(spec.machine.id, spec.machine, { inBackground: spec.warm !== null });
  const words = spec.gateway.map((word): Order => ["g", word]);
  leaveOrders(libc, [...words, ...ordersFor(spec, cgroup)]);
  const supervised = {
    consoleLog: `/proc/self/fd/${CONSOLE_FD}`,
    messagesFd: MESSAGES_FD,
    isSupervised: true,
    end: () => spec.ephemeral && markEnded(spec.folder),
  };
  return spec.isJailed ? { ...supervised, ...jail(libc, spec, filters) } : { ...supervised, ...NAMESPACES_ALONE };
}

function jail(
  libc: Libc,
  spec: RunnerSpec,
  filters: RunnerFilters,
): Pick<Confinement, "root" | "close" | "narrow"> {
  const root = bootFolder(spec);
  beginRoot(libc, root);
  return {
    root,
    close() {
      enterRoot(libc, root, {
        writable: [vmFolder(spec.folder)],
        // With the sockets: they can be dialled there, and none of them can be replaced by a link.
        readable: [spec.runtimeFolder],
        devices: ["/dev/kvm"],
      });
      libc.filterSystemCalls(filters.boot);
    },
    narrow: () => libc.filterSystemCalls(filters.guest),
  };
}

/** With `--insecure-no-jail`: a mount namespace, since the VM's folders are bound in it, and no more. */
const NAMESPACES_ALONE: Pick<Confinement, "root" | "close" | "narrow"> = { root: "", close() {}, narrow() {} };

/** macOS has nothing of this. */
function unconfined(libc: Libc, { folder, gateway }: RunnerSpec): Confinement {
  const messagesFd = libc.creat(runnerLog(folder));
  if (gateway.length > 0) startGateway(gateway, networkLog(folder));
  const nothing = () => {};
  return {
    root: "",
    consoleLog: consoleLog(folder),
    messagesFd,
    isSupervised: false,
    close: nothing,
    narrow: nothing,
    end: nothing,
  };
}

function markEnded(folder: string): void {
  try {
    Deno.writeTextFileSync(endedMark(folder), "");
  } catch {
    // On a full disk its client removes the machine.
  }
}

/** What is to be done outside of the jail, during and after the life of this process. */
function ordersFor(spec: RunnerSpec, cgroup: string | undefined): Order[] {
  const { ephemeral, held, folder, runtimeFolder, machine, warm } = spec;
  const meanwhile: Order[] = [
    ["c", consoleLog(folder)],
    ["m", runnerLog(folder)],
    ...hasGateway(machine) ? [["w", networkLog(folder)]] as const : [],
    ...machine.net ? [["p", pingSocket(runtimeFolder)]] as const : [],
    ...held ? [["e"]] as const : [],
  ];
  const group: Order[] = cgroup === undefined ? [] : [["d", cgroup]];
  // Who takes it says what is to be done then, in the place of `t`: its volumes come behind the root.
  if (warm !== null) {
    const root: Order[] = imageOf(machine) === null ? [] : [["b", "ro", rootfsPath(spec.rootfs)]];
    // In a namespace of buildah's none can be started: who takes it does so.
    const successor: Order[] = "variable" in spec.rootfs ? [] : [["f", warmFile(folder)]];
    const waiting: Order[] = [
      ["t", warmSocket(spec)],
      ["i", `${warm.idleS}`],
      ["v", `${warm.rootMount}`],
      ...successor,
    ];
    return [...meanwhile, ...group, ...root, ...waiting, ["s", bootFolder(spec)], ["r", runtimeFolder], ["r", folder]];
  }
  const ending: Order[] = ephemeral
    // Of one that did not end in order, its client reads why and removes it. The folder goes last: by it all else is found.
    ? [["h", endedMark(folder)], ["n", namesFolder(), machine.name, machine.id], ["r", runtimeFolder], ["r", folder]]
    : [["l", machineLock(folder)], ["r", runtimeFolder]];
  return [...meanwhile, ...group, ...ending];
}
