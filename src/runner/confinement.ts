import type { Libc } from "../host/libc.ts";
import { enterCgroup } from "../jail/cgroup.ts";
import type { RunnerFilters } from "../jail/filter.ts";
import { beginRoot, enterRoot } from "../jail/root.ts";
import { pingSocket } from "../network/config.ts";
import { CONSOLE_FD, MESSAGES_FD, type Order, sendOrders } from "../jail/supervisor.ts";
import { bootFolder, rootfsPath, type RunnerSpec } from "../runner_interface/spec.ts";
import { consoleLog, endedMark, machineLock, networkLog, runnerLog, vmFolder } from "../state/machine_folders.ts";
import { hasGateway, imageOf } from "../state/machine_record.ts";
import { namesFolder } from "../state/names.ts";
import { warmFile, warmSocket } from "../state/warm.ts";
import { startGateway } from "./gateway_process.ts";
import type { Prepared } from "./prepared.ts";

/** The confinement of the VM's process, which a guest may take over. It gets tighter step by step as the VM starts. */
export interface Confinement {
  /** The future root of this process: put what the VM needs below it. Empty: the process keeps the host's root. */
  readonly root: string;
  /** Where libkrun must write the guest's console output. */
  readonly consoleLog: string;
  /** The descriptor for messages of this process and of libkrun. */
  readonly messagesFd: number;
  /** Whether the supervisor removes the machine's files outside its `vm` folder. */
  readonly isSupervised: boolean;
  /** Takes everything of the host from this process that the VM does not need. Call it right before the VM starts. */
  enterJail(): void;
  /** Lets the supervisor remove the machine once this process exits: its command has ended, no error must be read. */
  allowRemoval(): void;
  /** Removes what only the boot needed. Call it when the guest has dialled, before answering it. */
  restrictToGuest(): void;
}

/**
 * Begins to confine this process, which must hold the lock of its machine, and has the gateway started.
 *
 * @throws {SmolvmError} `jail`.
 */
export function confine(spec: RunnerSpec, { libc, filters }: Pick<Prepared, "libc" | "filters">): Confinement {
  if (filters === undefined) return unconfined(libc, spec);
  const cgroup = enterCgroup(spec.machine.id, spec.machine, { inBackground: spec.warm !== null });
  const words = spec.gateway.map((word): Order => ["g", word]);
  sendOrders(libc, [...words, ...ordersFor(spec, cgroup)]);
  const supervised = {
    consoleLog: `/proc/self/fd/${CONSOLE_FD}`,
    messagesFd: MESSAGES_FD,
    isSupervised: true,
    allowRemoval: () => spec.ephemeral && markEnded(spec.folder),
  };
  return spec.isJailed ? { ...supervised, ...jail(libc, spec, filters) } : { ...supervised, ...NAMESPACES_ALONE };
}

function jail(
  libc: Libc,
  spec: RunnerSpec,
  filters: RunnerFilters,
): Pick<Confinement, "root" | "enterJail" | "restrictToGuest"> {
  const root = bootFolder(spec);
  beginRoot(libc, root);
  return {
    root,
    enterJail() {
      enterRoot(libc, root, {
        writable: [vmFolder(spec.folder)],
        // The sockets are in it: this process can dial them, but cannot replace them by links.
        readable: [spec.runtimeFolder],
        devices: ["/dev/kvm"],
      });
      libc.filterSystemCalls(filters.boot);
    },
    restrictToGuest: () => libc.filterSystemCalls(filters.guest),
  };
}

/** With `--insecure-no-jail` there is only a mount namespace, in which the VM's folders are bound. */
const NAMESPACES_ALONE: Pick<Confinement, "root" | "enterJail" | "restrictToGuest"> = {
  root: "",
  enterJail() {},
  restrictToGuest() {},
};

/** macOS has no jail. */
function unconfined(libc: Libc, { folder, gateway }: RunnerSpec): Confinement {
  const messagesFd = libc.creat(runnerLog(folder));
  if (gateway.length > 0) startGateway(gateway, networkLog(folder));
  const nothing = () => {};
  return {
    root: "",
    consoleLog: consoleLog(folder),
    messagesFd,
    isSupervised: false,
    enterJail: nothing,
    restrictToGuest: nothing,
    allowRemoval: nothing,
  };
}

function markEnded(folder: string): void {
  try {
    Deno.writeTextFileSync(endedMark(folder), "");
  } catch {
    // The disk is full: the client removes the machine instead.
  }
}

/** The supervisor's orders: what it does outside the jail while this process runs and after it. */
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
  // The client that takes the machine sends further orders, which replace `t`: its volumes follow the root.
  if (warm !== null) {
    const root: Order[] = imageOf(machine) === null ? [] : [["b", "ro", rootfsPath(spec.rootfs)]];
    // In a namespace of buildah the supervisor cannot start the successor: the client that takes the machine does.
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
    // After a failure, the client reads the error and removes the machine. The folder goes last: it leads to the rest.
    ? [["h", endedMark(folder)], ["n", namesFolder(), machine.name, machine.id], ["r", runtimeFolder], ["r", folder]]
    : [["l", machineLock(folder)], ["r", runtimeFolder]];
  return [...meanwhile, ...group, ...ending];
}
