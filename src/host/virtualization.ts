import { SmolvmError } from "../errors.ts";
import { kvmPermissionHint, readKvmPermission } from "./kvm_permission.ts";

/** Facts about KVM. They are separate from the conclusions, so that tests need no KVM. */
export interface KvmFacts {
  /** Whether `/dev/kvm` exists and can be opened for reading and writing, as far as this process can tell. */
  device: "usable" | "missing" | "forbidden";
  /** Whether the host is itself a PVM guest, whose KVM cannot boot an ordinary kernel. */
  pvm: boolean;
  /** Whether the processor supports virtualisation. Read only when the device is missing. */
  readonly cpuSupport: boolean;
  /** What to do about a forbidden device. Read only when the device is forbidden. */
  readonly permissionHint: string;
}

/** Why VMs cannot run on a Linux host with these facts; `undefined` when they can. */
export function kvmProblem(facts: KvmFacts): SmolvmError | undefined {
  const { device, pvm } = facts;
  if (device === "forbidden") {
    return new SmolvmError("virtualization", "Cannot use KVM: no permission for /dev/kvm", {
      hint: facts.permissionHint,
    });
  }
  if (device === "missing") {
    return new SmolvmError("virtualization", "Cannot use KVM: /dev/kvm does not exist", {
      hint: facts.cpuSupport
        ? "Load the module with `sudo modprobe kvm_intel` or `sudo modprobe kvm_amd`."
        : "Switch virtualisation on in the firmware (BIOS), or nested virtualisation in the hypervisor this host runs on.",
    });
  }
  if (pvm) {
    return new SmolvmError(
      "virtualization",
      "Cannot use KVM: this host has PVM, which cannot boot ordinary kernels",
      {
        hint: "Use a host with hardware virtualisation; scripts/kvm-machine of a checkout emulates one for tests.",
      },
    );
  }
}

/**
 * Checks that this host can run VMs, in well under a millisecond.
 *
 * @throws {SmolvmError} `virtualization`, with what to do about it.
 */
export function checkVirtualization(): void {
  if (Deno.build.os !== "linux") return; // macOS always has Hypervisor.framework; a missing entitlement fails at start.
  const problem = kvmProblem({
    device: openKvm(),
    pvm: isLoaded("kvm_pvm"),
    get cpuSupport() {
      return /^flags\s*:.*\b(vmx|svm)\b/m.test(readText("/proc/cpuinfo")) || Deno.build.arch === "aarch64";
    },
    get permissionHint() {
      return kvmPermissionHint(readKvmPermission());
    },
  });
  if (problem) throw problem;
}

function openKvm(): KvmFacts["device"] {
  try {
    Deno.openSync("/dev/kvm", { read: true, write: true }).close();
    return "usable";
  } catch (error) {
    // Deno allows this only with every permission; the runner has it and checks again.
    if (error instanceof Deno.errors.NotCapable) return "usable";
    return error instanceof Deno.errors.PermissionDenied ? "forbidden" : "missing";
  }
}

function isLoaded(module: string): boolean {
  try {
    Deno.statSync(`/sys/module/${module}`);
    return true;
  } catch {
    return false; // Only its presence matters.
  }
}

function readText(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return ""; // It only makes a hint more precise.
  }
}
