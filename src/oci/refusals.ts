import { SmolvmError } from "../errors.ts";
import type { OciConfig } from "./config.ts";

/** Devices that every guest has, and /dev/kvm, which its VM needs. */
const OWN_DEVICES = ["/dev/console", "/dev/full", "/dev/kvm", "/dev/null", "/dev/ptmx", "/dev/random", "/dev/tty"]
  .concat("/dev/urandom", "/dev/zero");
/** Annotations in which containerd and CRI-O, or podman, name the pod of a container. */
const POD_ANNOTATIONS = ["io.kubernetes.cri.sandbox-id", "io.kubernetes.cri-o.SandboxID"];

/** Whether a container only holds the namespaces of a pod: it runs as it is, without a VM. */
export function isPodHolder({ annotations = {}, process }: OciConfig): boolean {
  return ["io.kubernetes.cri.container-type", "io.kubernetes.cri-o.ContainerType"].some((key) =>
    annotations[key] === "sandbox"
  ) || process.args[0] === "/catatonit" && process.args[1] === "-P";
}

/**
 * Refuses a container that needs something that its own VM cannot provide.
 *
 * @throws {SmolvmError} `usage`.
 */
export function refuseUnsupported({ linux, annotations = {} }: OciConfig): void {
  const namespaces = new Map((linux.namespaces ?? []).map(({ type, path }) => [type, path]));
  const isInPod = POD_ANNOTATIONS.some((key) => key in annotations);
  const refuse = (what: string): never => {
    throw new SmolvmError("usage", `Cannot create the container: smolvm does not support ${what}`);
  };
  if (!namespaces.has("pid")) refuse("the host's PID namespace");
  if (namespaces.get("pid")) refuse("a PID namespace that is shared with other containers");
  if (!namespaces.has("ipc")) refuse("the host's IPC namespace");
  // Allowed in a pod: every container of a pod gets the pod's IPC namespace, whether it uses it or not.
  if (namespaces.get("ipc") && !isInPod) refuse("an IPC namespace that is shared with other containers");
  const device = (linux.devices ?? []).find(({ path }) => !OWN_DEVICES.includes(path));
  if (device) refuse(`the device "${device.path}" in a guest`);
}
