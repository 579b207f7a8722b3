import { SmolvmError } from "../errors.ts";

/** What the probe found out about KVM; facts only, so that what is made of them can be tested anywhere. */
export interface KvmFacts {
  /** Whether `/dev/kvm` is there and can be opened for reading and writing, as far as this process may look. */
  device: "usable" | "missing" | "forbidden";
  /** Whether the host itself is a guest of the PVM kind, whose KVM boots no ordinary kernel. */
  pvm: boolean;
  /** Whether the processor announces virtualisation to this host. Asked only when there is no device. */
  readonly cpuSupport: boolean;
}

/** Why VMs cannot run on a Linux host with those facts; `undefined` when they can. */
export function kvmProblem(facts: KvmFacts): SmolvmError | undefined {
  const { device, pvm } = facts;
  if (device === "forbidden") {
    return new SmolvmError("virtualization", "Cannot use KVM: no permission for /dev/kvm", {
      hint: "Join the kvm group with `sudo usermod -aG kvm $USER` and log in again.",
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
      "Cannot use KVM: this host's is of the PVM kind, which boots no ordinary kernel",
      {
        hint: "Use a host with hardware virtualisation; scripts/kvm-machine of a checkout emulates one for tests.",
      },
    );
  }
}

/**
 * Makes sure that this host can run VMs, in well under a millisecond.
 *
 * @throws {SmolvmError} `virtualization`, with what to do about it.
 */
export function checkVirtualization(): void {
  if (Deno.build.os !== "linux") return; // Hypervisor.framework is part of macOS; the entitlement shows at start.
  const problem = kvmProblem({
    device: openKvm(),
    pvm: exists("/sys/module/kvm_pvm"),
    get cpuSupport() {
      return /^flags\s*:.*\b(vmx|svm)\b/m.test(readText("/proc/cpuinfo")) || Deno.build.arch === "aarch64";
    },
  });
  if (problem) throw problem;
}

function openKvm(): KvmFacts["device"] {
  try {
    Deno.openSync("/dev/kvm", { read: true, write: true }).close();
    return "usable";
  } catch (error) {
    // Deno lets only a program with every permission look, such as the runner, which does.
    if (error instanceof Deno.errors.NotCapable) return "usable";
    return error instanceof Deno.errors.PermissionDenied ? "forbidden" : "missing";
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false; // Only its presence is asked.
  }
}

function readText(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return ""; // Only ever refines a hint.
  }
}
