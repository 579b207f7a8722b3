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

/** What the name of the bundle that the other runtime is given begins with, unlike any container's; the container follows. */
const OWN_BUNDLE = "smolvm@";
/**
 * What the process of a VM may do to the files that the container shares, as root in the container's user namespace; and
 * what its servers' ports need.
 */
const CAPABILITIES = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "NET_BIND_SERVICE", "SETGID", "SETUID"]
  .map((name) => `CAP_${name}`);

/** The folder of the bundle that the other runtime is given in place of that one, which several containers may share. */
export function ownBundle(bundle: string, id: string): string {
  return `${bundle}/${OWN_BUNDLE}${id}`;
}

/** The engine's bundle behind one that the other runtime was given; `undefined`: it was given the engine's itself. */
export function engineBundle(bundle: string): string | undefined {
  const slash = bundle.lastIndexOf("/");
  return bundle.startsWith(OWN_BUNDLE, slash + 1) ? bundle.slice(0, slash) : undefined;
}

/** Where {@linkcode writeBundle} reads and writes. */
export interface BundleFolders {
  /** The engine's bundle. */
  bundle: string;
  /** The one to make. */
  own: string;
}

/**
 * Makes a bundle of a container whose process runs the VM in which `config` takes place.
 *
 * @throws {SmolvmError} for a command that is not there; `config`; `dependency`.
 */
export function writeBundle({ bundle, own }: BundleFolders, config: OciConfig, settings: Settings): void {
  const { plan, tree } = layout(bundle, config);
  const { rootfs } = tree;
  checkCommand(tree, config.process);
  // Engines are to hear of a wrong one here, not from the container.
  rlimitWords(config.process);
  if (config.root.readonly) { for (const mount of plan.guest) makeMountPoint(tree, mount, plan); }
  const program = containedProgram();
  const root = `${own}/root`;
  for (const name of MOUNT_POINTS) Deno.mkdirSync(`${root}${BOOT_FOLDER}/${name}`, { recursive: true, mode: 0o755 });
  Deno.mkdirSync(`${root}${RUNTIME_FOLDER}`, { recursive: true });
  const resolvConf = replaceResolvConf(plan, `${root}${BOOT_FOLDER}/resolv.conf`);
  Deno.writeTextFileSync(`${root}${SPEC_FILE}`, specOf(config, { plan, settings }), { mode: 0o600 });
  const { uidMappings, gidMappings } = config.linux;
  // Who makes the places of mounts in it, and reads the specification, is root of the container's user namespace.
  if (uidMappings && gidMappings) giveTo(root, hostId(uidMappings), hostId(gidMappings));
  linkInit(`${root}${BOOT_FOLDER}`);
  const outer = outerConfig(config, { rootfs, plan, mounts: [...program.mounts, ...resolvConf], program });
  Deno.writeTextFileSync(`${own}/config.json`, JSON.stringify(outer), { mode: 0o600 });
}

/** What becomes of a container's mounts, and where its paths lead on the host. */
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
  // On the host's network a guest has what one of `smolvm run --net` has: nothing that is the host's own.
  const hasOwnNetwork = !isHostsNetwork(linux);
  return encodeContainerSpec({
    ...vmSize(linux, settings.size),
    process,
    sysctls: sysctlWord(linux.sysctl),
    seccomp: seccompWord(linux.seccomp, Deno.build.arch),
    readOnly: root.readonly ?? false,
    mounts: plan.guest,
    // The loopback by which containers of a pod meet is that of their namespace.
    allowNet: hasOwnNetwork ? ["public", "private", "host"] : ["public"],
    listens: hasOwnNetwork,
    helloTimeoutMs: settings.bootTimeoutMs,
    logLevel: logLevel(),
  });
}

/** Whether a container has the network of this process: a kubelet's pod on the host's network names it by a path. */
export function isHostsNetwork({ namespaces = [] }: OciLinux): boolean {
  const own = namespaces.find(({ type }) => type === "network");
  if (own === undefined) return true;
  return own.path !== undefined && Deno.statSync(own.path).ino === Deno.statSync("/proc/self/ns/net").ino;
}

/** The configuration of the container around the VM, which the other runtime makes. */
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
    // Nothing in it can be changed but what is shared on purpose.
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

/** Lets the container's root have sockets for the guest's pings. */
const PINGS_ALLOWED = { "net.ipv4.ping_group_range": "0 0" };

/** Whether a container may send what it likes in a network of its own, pings included. */
export function mayPing({ process, linux }: Pick<OciConfig, "process" | "linux">): boolean {
  return process.capabilities?.bounding?.includes("CAP_NET_RAW") === true && !isHostsNetwork(linux);
}

function share(source: string, destination: string, isReadOnly: boolean): OciMount {
  const options = ["rbind", isReadOnly ? "ro" : "rw", "nosuid", "nodev", "rprivate"];
  return { source, destination, type: "bind", options };
}

/** The process that stands for one of a container: what it may do is not what that may do in the guest. */
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

/** What root of a container's user namespace is here; -1: nobody that is known. */
function hostId(mappings: readonly OciIdMapping[]): number {
  return mappings.find(({ containerID }) => containerID === 0)?.hostID ?? -1;
}

/** Makes somebody the owner of a folder and all in it. */
function giveTo(path: string, uid: number, gid: number): void {
  Deno.chownSync(path, uid, gid);
  if (!Deno.statSync(path).isDirectory) return;
  for (const { name } of Deno.readDirSync(path)) giveTo(`${path}/${name}`, uid, gid);
}

/**
 * Removes what {@linkcode writeBundle} made.
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
