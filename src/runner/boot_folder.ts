import type { Libc } from "../host/libc.ts";
import type { VmShare } from "../krun/vm.ts";
import type { GuestMount } from "../protocol/messages.ts";
import type { VolumeSpec } from "../state/machine_record.ts";

/** Where the agent is in the guest's first root. */
export const AGENT_PATH = "/agent";
/** Where the kernel looks for its init. An older libkrun puts its own init over this path, which executes the agent. */
const INIT_PATH = "/init.krun";

/** The agent's mount points. */
export const MOUNT_POINTS = ["dev", "proc", "sys", "disk", "root", "s"];

/** The parts of a boot folder. */
export interface BootSources {
  /** The folder to build in. */
  folder: string;
  /** The agent's executable on the host. */
  agent: string;
  /** The folder that becomes the guest's root; `undefined`: it is mounted later, together with the volumes. */
  rootfs: string | undefined;
  volumes: VolumeSpec[];
}

/** The guest's first root, and where the agent finds the rootfs and the volumes in it. */
export interface BootFolder {
  rootfs: string;
  mounts: GuestMount[];
  shares: VmShare[];
}

/**
 * Builds the guest's first root in this process's mount namespace, so that one virtiofs device carries everything and
 * the host's kernel enforces read-only mounts.
 */
export function bindBootFolder(libc: Libc, { folder, agent, rootfs, volumes }: BootSources): BootFolder {
  // In memory and in this namespace only: the kernel frees it when the runner exits, even if it is killed.
  libc.mountTmpfs(folder);
  fillBootFolder(folder, agent, rootfs === undefined ? [] : sharesOf(volumes));
  if (rootfs !== undefined) {
    libc.bind(rootfs, `${folder}/s/rootfs`, { readOnly: true });
    volumes.forEach(({ source, readOnly }, index) => libc.bind(source, `${folder}/s/v${index}`, { readOnly }));
  }
  libc.makeReadOnly(folder, { recursive: false });
  return boundBootFolder(volumes);
}

/** Describes a boot folder in which this process or `smolvm-jail` mounts the root and the volumes. */
export function boundBootFolder(volumes: readonly VolumeSpec[]): BootFolder {
  return {
    rootfs: "/s/rootfs",
    mounts: volumes.map(({ target, readOnly }, index) => ({ source: `/s/v${index}`, target, readOnly })),
    shares: [],
  };
}

/** Builds the guest's first root on a host without mount namespaces: each folder is a separate share. */
export function shareBootFolder(
  { folder, agent, rootfs, volumes }: BootSources & { rootfs: string },
): BootFolder {
  // Remove the files of the machine's last start. Nothing is mounted in this folder.
  for (const { name } of Deno.readDirSync(folder)) Deno.removeSync(`${folder}/${name}`, { recursive: true });
  fillBootFolder(folder, agent, sharesOf(volumes));
  return {
    rootfs: "rootfs",
    mounts: volumes.map(({ target, readOnly }, index) => ({ source: `v${index}`, target, readOnly })),
    shares: [
      { tag: "rootfs", path: rootfs, readOnly: true },
      ...volumes.map(({ source, readOnly }, index) => ({ tag: `v${index}`, path: source, readOnly })),
    ],
  };
}

function sharesOf(volumes: readonly VolumeSpec[]): string[] {
  return ["rootfs", ...volumes.map((_, index) => `v${index}`)];
}

function fillBootFolder(folder: string, agent: string, shares: readonly string[]): void {
  Deno.copyFileSync(agent, `${folder}${AGENT_PATH}`);
  Deno.chmodSync(`${folder}${AGENT_PATH}`, 0o755);
  linkInit(folder);
  for (const name of [...MOUNT_POINTS, ...shares.map((share) => `s/${share}`)]) Deno.mkdirSync(`${folder}/${name}`);
}

/** Makes the agent the guest's init in the boot folder. */
export function linkInit(folder: string): void {
  Deno.symlinkSync(AGENT_PATH.slice(1), `${folder}${INIT_PATH}`);
}
