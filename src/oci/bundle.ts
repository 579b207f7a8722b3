import { SmolvmError } from "../errors.ts";
import { agentFile } from "../host/lib_folder.ts";
import { jailProgram } from "../jail/prefix.ts";
import { logLevel } from "../log.ts";
import { AGENT_PATH, linkInit, MOUNT_POINTS } from "../runner/boot_folder.ts";
import type { OciConfig, OciIdMapping, OciLinux, OciMount, OciProcess } from "./config.ts";
import { rlimitWords } from "./guest_process.ts";
import { checkCommand, type ContainerTree } from "./lookup.ts";
import { makeMountPoint } from "./mount_point.ts";
import { type MountPlan, planMounts, sharedBehind, tmpfsSizeKib } from "./mounts.ts";
import { containedProgram, type Program, readOnly } from "./program.ts";
import { replaceResolvConf } from "./resolv_conf.ts";
import { KVM_DEVICE, outerResources, vmSize } from "./resources.ts";
import { outerSeccomp, seccompWord } from "./seccomp.ts";
import type { Settings } from "./settings.ts";
import { BOOT_FOLDER, encodeContainerSpec, JAIL_PROGRAM, RUNTIME_FOLDER, SPEC_FILE } from "./spec.ts";
import { HELD_SIGNALS } from "./streams.ts";
import { sysctlWord } from "./sysctl.ts";

/** Prefix of the name of our bundle's folder, which no container's name can have; the container id follows. */
const OWN_BUNDLE = "smolvm@";
/**
 * Capabilities of the VM's process, which is root in the container's user namespace: it needs them to access the shared
 * files and to listen on low ports.
 */
const CAPABILITIES = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "NET_BIND_SERVICE", "SETGID", "SETUID"]
  .map((name) => `CAP_${name}`);

/** The folder of our bundle, which the other runtime gets. Several containers may share the engine's `bundle`. */
export function ownBundle(bundle: string, id: string): string {
  return `${bundle}/${OWN_BUNDLE}${id}`;
}

/** The engine's bundle that contains one of our bundles; `undefined` when `bundle` is the engine's own. */
export function engineBundle(bundle: string): string | undefined {
  const slash = bundle.lastIndexOf("/");
  return bundle.startsWith(OWN_BUNDLE, slash + 1) ? bundle.slice(0, slash) : undefined;
}

/** Where {@linkcode writeBundle} reads and writes. */
export interface BundleFolders {
  /** The engine's bundle. */
  bundle: string;
  /** The bundle to make. */
  own: string;
}

/**
 * Makes the bundle of a container whose process runs a VM for the container that `config` describes.
 *
 * @throws {SmolvmError} when the command is missing or not executable; `config`; `dependency`.
 */
export function writeBundle({ bundle, own }: BundleFolders, config: OciConfig, settings: Settings): void {
  const { plan, tree } = layout(bundle, config);
  const { rootfs } = tree;
  checkCommand(tree, config.process);
  // Checked now, so that `create` reports a wrong limit to the engine, not the container later.
  rlimitWords(config.process);
  if (config.root.readonly) { for (const mount of plan.guest) makeMountPoint(tree, mount, plan); }
  const program = containedProgram();
  const root = `${own}/root`;
  for (const name of MOUNT_POINTS) Deno.mkdirSync(`${root}${BOOT_FOLDER}/${name}`, { recursive: true, mode: 0o755 });
  Deno.mkdirSync(`${root}${RUNTIME_FOLDER}`, { recursive: true });
  const resolvConf = replaceResolvConf(plan, `${root}${BOOT_FOLDER}/resolv.conf`);
  Deno.writeTextFileSync(`${root}${SPEC_FILE}`, specOf(config, { plan, settings }), { mode: 0o600 });
  const { uidMappings, gidMappings } = config.linux;
  // Root of the container's user namespace makes mount points in the folder and reads the specification.
  if (uidMappings && gidMappings) giveTo(root, hostId(uidMappings), hostId(gidMappings));
  linkInit(`${root}${BOOT_FOLDER}`);
  const outer = outerConfig(config, { rootfs, plan, mounts: [...program.mounts, ...resolvConf], program });
  Deno.writeTextFileSync(`${own}/config.json`, JSON.stringify(outer), { mode: 0o600 });
}

/** Plans a container's mounts and maps its paths to those of the host. */
export function layout(bundle: string, { root, mounts = [] }: OciConfig): { plan: MountPlan; tree: ContainerTree } {
  const rootfs = Deno.realPathSync(root.path.startsWith("/") ? root.path : `${bundle}/${root.path}`);
  const mountinfo = Deno.readTextFileSync("/proc/self/mountinfo");
  const plan = planMounts(mounts, { bundle, shmSizeKib: (path) => tmpfsSizeKib(mountinfo, path) });
  return { plan, tree: treeOf(rootfs, plan) };
}

function treeOf(rootfs: string, plan: MountPlan): ContainerTree {
  const own = ["/proc", "/sys", "/dev"].map((path): [string, undefined] => [path, undefined]);
  const mounts = plan.guest.map((mount): [string, string | undefined] => [
    mount.target,
    sharedBehind(plan, mount)?.source,
  ]);
  return { rootfs, mounts: new Map([...own, ...mounts]) };
}

function specOf(
  { process, linux, root }: OciConfig,
  { plan, settings }: { plan: MountPlan; settings: Settings },
): string {
  // On the host's network the guest may reach what `smolvm run --net` allows: nothing of the host itself.
  const hasOwnNetwork = !isHostsNetwork(linux);
  return encodeContainerSpec({
    ...vmSize(linux, settings.size),
    process,
    sysctls: sysctlWord(linux.sysctl),
    seccomp: seccompWord(linux.seccomp, Deno.build.arch),
    readOnly: root.readonly ?? false,
    mounts: plan.guest,
    // "host" is the loopback of the network namespace, through which the containers of a pod reach each other.
    allowNet: hasOwnNetwork ? ["public", "private", "host"] : ["public"],
    listens: hasOwnNetwork,
    helloTimeoutMs: settings.bootTimeoutMs,
    logLevel: logLevel(),
  });
}

/** Whether a container uses the network of this process. Kubelet gives the path of the host's namespace for that. */
export function isHostsNetwork({ namespaces = [] }: OciLinux): boolean {
  const own = namespaces.find(({ type }) => type === "network");
  if (own === undefined) return true;
  return own.path !== undefined && Deno.statSync(own.path).ino === Deno.statSync("/proc/self/ns/net").ino;
}

/** The configuration of the container that the other runtime makes around the VM. */
function outerConfig(
  config: OciConfig,
  { rootfs, plan, mounts, program }: { rootfs: string; plan: MountPlan; mounts: OciMount[]; program: Program },
): OciConfig {
  const { linux, root } = config;
  const rootShare = share(rootfs, `${BOOT_FOLDER}/s/rootfs`, root.readonly ?? false);
  const shares = plan.shared.map(({ source, readOnly }, index) =>
    share(source, `${BOOT_FOLDER}/s/v${index}`, readOnly)
  );
  const run: OciMount = {
    destination: RUNTIME_FOLDER,
    type: "tmpfs",
    source: "tmpfs",
    options: ["nosuid", "nodev", "noexec", "mode=0700", "size=64m"],
  };
  return {
    ...config,
    process: outerProcess(config.process, program, "init"),
    // Only the shared files and folders are writable.
    root: { path: "root", readonly: true },
    mounts: [
      ...plan.outer,
      run,
      ...mounts,
      readOnly(agentFile(), `${BOOT_FOLDER}${AGENT_PATH}`),
      readOnly(jailProgram(), JAIL_PROGRAM),
      rootShare,
      ...shares,
    ],
    linux: {
      ...linux,
      ...linux.seccomp && { seccomp: outerSeccomp(linux.seccomp) },
      resources: outerResources(linux),
      devices: [KVM_DEVICE],
      sysctl: { ...mayPing(config) ? PINGS_ALLOWED : {}, ...linux.sysctl },
    },
  };
}

/** Lets the container's root open ICMP sockets for the guest's pings. */
const PINGS_ALLOWED = { "net.ipv4.ping_group_range": "0 0" };

/** Whether a container has its own network and may send raw packets, which includes pings. */
export function mayPing({ process, linux }: Pick<OciConfig, "process" | "linux">): boolean {
  return process.capabilities?.bounding?.includes("CAP_NET_RAW") === true && !isHostsNetwork(linux);
}

function share(source: string, destination: string, isReadOnly: boolean): OciMount {
  const options = ["rbind", isReadOnly ? "ro" : "rw", "nosuid", "nodev", "rprivate"];
  return { source, destination, type: "bind", options };
}

/** The host process that represents a process of a container. Its rights differ from those in the guest. */
export function outerProcess(process: OciProcess, program: Program, role: "init" | "relay"): OciProcess {
  const capabilities = role === "init" ? CAPABILITIES : [];
  const { rlimits: _, ...rest } = process;
  return {
    ...rest,
    args: [JAIL_PROGRAM, "--hold-signals", HELD_SIGNALS.join(), ...program.argv, "oci", role],
    env: [...program.env, "TERM=xterm"],
    cwd: "/",
    user: { uid: 0, gid: 0 },
    capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
    noNewPrivileges: true,
  };
}

/** The host's id for root of a container's user namespace; -1 when the mappings contain none. */
function hostId(mappings: readonly OciIdMapping[]): number {
  return mappings.find(({ containerID }) => containerID === 0)?.hostID ?? -1;
}

/** Changes the owner of a folder and everything in it. */
function giveTo(path: string, uid: number, gid: number): void {
  Deno.chownSync(path, uid, gid);
  if (!Deno.statSync(path).isDirectory) return;
  for (const { name } of Deno.readDirSync(path)) giveTo(`${path}/${name}`, uid, gid);
}

/**
 * Removes the bundle that {@linkcode writeBundle} made, if it exists.
 *
 * @throws {SmolvmError} `storage`.
 */
export function removeBundle(own: string): void {
  try {
    Deno.removeSync(own, { recursive: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw new SmolvmError("storage", `Cannot remove "${own}"`, { cause: error });
  }
}
