import { checkVirtualization } from "../host/virtualization.ts";
import { lowOpenFilesLimit, MIN_OPEN_FILES } from "../host/open_files.ts";
import type { Check, Verdict } from "./check.ts";
import { runProgram } from "./program.ts";

/** The first Linux with recursive read-only mounts. */
const LEAST_LINUX = [5, 12];

/** Checks of the host's kernel. */
export function virtualizationChecks(): Check[] {
  if (Deno.build.os === "darwin") {
    return [{ name: "hypervisor", run: checkHypervisor }, { name: "entitlement", run: checkEntitlement }];
  }
  return [{ name: "kvm", run: checkKvm }, { name: "kernel", run: () => judgeKernel(Deno.osRelease()) }, {
    name: "open-files",
    run: () => judgeOpenFiles(lowOpenFilesLimit()),
  }];
}

function checkKvm(): Verdict {
  checkVirtualization();
  return { status: "ok", found: "/dev/kvm is usable" };
}

/** Judges a Linux release such as `6.1.0-40-amd64`. */
export function judgeKernel(release: string): Verdict {
  const [major = 0, minor = 0] = release.split(".").map((part) => parseInt(part));
  const [leastMajor, leastMinor] = LEAST_LINUX as [number, number];
  const found = `Linux ${release}`;
  if (major > leastMajor || major === leastMajor && minor >= leastMinor) return { status: "ok", found };
  return { status: "error", found, hint: `Read-only mounts need Linux ${LEAST_LINUX.join(".")} or later.` };
}

/** Judges the limit of open files; `undefined`: it is high enough. */
export function judgeOpenFiles(lowLimit: number | undefined): Verdict {
  if (lowLimit === undefined) return { status: "ok", found: `at least ${MIN_OPEN_FILES} for each VM` };
  return {
    status: "warning",
    found: `${lowLimit} for each VM: a guest that uses many files is slow, and can fail with "Too many open files"`,
    hint: "Raise the hard limit: nofile in /etc/security/limits.conf, or LimitNOFILE of the service.",
  };
}

async function checkHypervisor(signal: AbortSignal): Promise<Verdict> {
  const { stdout } = await runProgram(["sysctl", "-n", "kern.hv_support"], { signal });
  if (stdout === "1") return { status: "ok", found: "Hypervisor.framework is available" };
  return {
    status: "error",
    found: "This Mac has no Hypervisor.framework",
    hint: "Use a Mac from 2011 or later with macOS 11 or later; inside a VM, switch nested virtualisation on.",
  };
}

/** macOS lets a program make VMs only if its signature has the entitlement. */
async function checkEntitlement(signal: AbortSignal): Promise<Verdict> {
  const executable = Deno.execPath();
  const { stdout } = await runProgram(["codesign", "--display", "--entitlements", "-", "--xml", executable], {
    signal,
  });
  if (stdout.includes("com.apple.security.hypervisor")) {
    return { status: "ok", found: `"${executable}" may create VMs` };
  }
  return {
    status: "error",
    found: `"${executable}" is not signed to create VMs`,
    hint: `Sign it: codesign --sign - --force --entitlements smolvm.entitlements "${executable}"`,
  };
}
