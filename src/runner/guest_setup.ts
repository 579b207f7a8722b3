import type { GuestFile, Setup } from "../protocol/messages.ts";
import type { BootFolder } from "./boot_folder.ts";
import type { RunnerSpec } from "./spec.ts";

const RLIMIT_NOFILE = 7;

/** What the agent is to make of the guest; to be built as late as possible, since it carries the clock. */
export function guestSetup(spec: RunnerSpec, boot: BootFolder): Setup {
  return {
    clockNs: BigInt(Date.now()) * 1_000_000n,
    hostname: spec.machine.hostname,
    overlay: true,
    rootfs: boot.rootfs,
    files: guestFiles(spec),
    mounts: boot.mounts,
    // The kernel's own most; its default of 1024 is too little for servers.
    rlimits: [{ resource: RLIMIT_NOFILE, soft: 1_048_576n, hard: 1_048_576n }],
  };
}

/** The files that depend on the machine, not on its image. */
function guestFiles({ machine: { hostname }, nameservers }: RunnerSpec): GuestFile[] {
  const text = (path: string, content: string) => ({ path, mode: 0o644, content: new TextEncoder().encode(content) });
  const files = [
    text("/etc/hostname", `${hostname}\n`),
    text("/etc/hosts", `127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n127.0.1.1 ${hostname}\n`),
  ];
  if (nameservers.length > 0) {
    files.push(text("/etc/resolv.conf", nameservers.map((server) => `nameserver ${server}\n`).join("")));
  }
  return files;
}
