import type { GuestMount } from "../protocol/messages.ts";
import type { OciMount } from "./config.ts";

/** A file or folder of the host that a container shares. */
export interface SharedPath {
  source: string;
  readOnly: boolean;
}

/** How a container's mounts are made. */
export interface MountPlan {
  /** Mounts that the runtime makes for the VM's process. */
  outer: OciMount[];
  /** What the guest mounts, in the engine's order. */
  guest: GuestMount[];
  /** The source of the guest's `/s/vN`, by N. */
  shared: SharedPath[];
}

/** Mounts that the VM's process gets as a container would; the guest has its own. */
const OUTER = ["/proc", "/dev", "/dev/pts", "/sys"];
/** File systems whose content comes from the kernel; the guest has its own kernel. */
const OF_KERNELS = ["proc", "sysfs", "devpts", "mqueue", "cgroup", "cgroup2", "devtmpfs", "bpf"];
/** Options specific to tmpfs. All others are mount flags, handled by `flagsOf`, or have no meaning in a guest. */
const TMPFS_OPTIONS = /^(size|nr_blocks|nr_inodes|mode|uid|gid|huge)=/;
const DEFAULT_SHM = "size=65536k,mode=1777";

/** Prefix of the sources of the guest's shared mounts; a number follows. */
const SHARE = "/s/v";

/** The host's file or folder for a mount of the guest; `undefined` for a tmpfs. */
export function sharedBehind({ shared }: MountPlan, { source, isTmpfs }: GuestMount): SharedPath | undefined {
  return isTmpfs ? undefined : shared[Number(source.slice(SHARE.length))]!;
}

/** Plans how a container's mounts are made. Relative sources are relative to `bundle`. */
export function planMounts(
  mounts: readonly OciMount[],
  { bundle, shmSizeKib }: { bundle: string; shmSizeKib: (path: string) => number | undefined },
): MountPlan {
  const plan: MountPlan = { outer: [], guest: [], shared: [] };
  for (const mount of mounts) {
    const { destination, type = "none", options = [] } = mount;
    if (OUTER.includes(destination)) plan.outer.push(mount);
    if (OF_KERNELS.includes(type)) continue;
    const isBind = type === "bind" || options.includes("bind") || options.includes("rbind");
    const source = absoluteIn(bundle, mount.source ?? "");
    if (isBind && destination === "/dev/shm") {
      // Processes cannot share memory through a shared folder: the guest mounts its own tmpfs of the same size.
      plan.guest.push(tmpfs(destination, options, `size=${shmSizeKib(source) ?? 65_536}k,mode=1777`));
    } else if (isBind && !isBelow(destination, "/sys") && !isBelow(destination, "/proc")) {
      const flags = flagsOf(options);
      plan.guest.push({ source: `${SHARE}${plan.shared.length}`, target: destination, ...flags });
      plan.shared.push({ source, readOnly: flags.readOnly });
    } else if (type === "tmpfs" && !OUTER.includes(destination)) {
      const own = options.filter((option) => TMPFS_OPTIONS.test(option)).join(",");
      plan.guest.push(tmpfs(destination, options, destination === "/dev/shm" && own === "" ? DEFAULT_SHM : own));
    }
  }
  return plan;
}

function tmpfs(target: string, options: readonly string[], data: string): GuestMount {
  return { source: data, target, isTmpfs: true, ...flagsOf(options) };
}

function flagsOf(options: readonly string[]) {
  return {
    readOnly: options.includes("ro") || options.includes("rro"),
    noSuid: options.includes("nosuid"),
    noDevices: options.includes("nodev"),
    noExec: options.includes("noexec"),
  };
}

function absoluteIn(folder: string, path: string): string {
  return path.startsWith("/") ? path : `${folder}/${path}`;
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

/** The size in KiB of the tmpfs mounted at a path, according to the text of `/proc/self/mountinfo`. */
export function tmpfsSizeKib(mountinfo: string, path: string): number | undefined {
  for (const line of mountinfo.split("\n")) {
    const [, , , , target] = line.split(" ");
    const size = / - tmpfs .*\bsize=(\d+)k/.exec(line)?.[1];
    if (target === path && size !== undefined) return Number(size);
  }
  return undefined;
}
