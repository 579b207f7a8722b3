import { formatIpv4 } from "../network/ipv4.ts";
import { FILE_BLOCK } from "../protocol/constants.ts";
import type { GuestFile, Setup } from "../protocol/messages.ts";
import type { RunnerSpec } from "../runner_interface/spec.ts";
import type { BootFolder } from "./boot_folder.ts";
import { type GatewayFacts, guestInterfaces, networkFiles } from "./network.ts";

const RLIMIT_NOFILE = 7;

/** What {@linkcode guestSetup} needs besides the spec. */
export interface GuestParts extends BootFolder, GatewayFacts {
  /** How many open files this process may have. */
  openFiles: bigint;
}

/** How many of the permitted open files this process keeps for itself. */
const OWN_FILES = 256n;

/** Returns {@linkcode Setup.shareFiles} for a VM process that may have `openFiles` files open. */
export function shareFiles(openFiles: bigint): number {
  // On macOS, libkrun opens only the files in use, not all files that the guest knows.
  if (Deno.build.os === "darwin") return 0;
  const left = openFiles > OWN_FILES ? openFiles - OWN_FILES : 1n;
  return left > 0xffff_ffffn ? 0 : Number(left);
}

/** The setup for the agent. Build it as late as possible: it contains the clock. */
export function guestSetup(spec: RunnerSpec, boot: GuestParts): Setup {
  return {
    clockNs: BigInt(Date.now()) * 1_000_000n,
    hostname: spec.machine.hostname,
    overlay: true,
    ephemeral: spec.ephemeral,
    rootfs: boot.rootfs,
    files: [...guestFiles(spec, boot), ...authorityFiles(boot.authority)],
    mounts: boot.mounts,
    // The kernel's maximum; its default of 1024 is too low for servers.
    rlimits: [{ resource: RLIMIT_NOFILE, soft: 1_048_576n, hard: 1_048_576n }],
    interfaces: guestInterfaces(spec, boot),
    shareFiles: shareFiles(boot.openFiles),
  };
}

/** The files that depend on the machine, not on its image. */
function guestFiles(spec: RunnerSpec, { addresses = [] }: GatewayFacts): GuestFile[] {
  const { hostname } = spec.machine;
  const text = (path: string, content: string) => ({ path, mode: 0o644, content: new TextEncoder().encode(content) });
  const network = networkFiles(spec);
  // A server may announce the address that its own name resolves to.
  const [address] = addresses;
  const own = address === undefined ? "127.0.1.1" : formatIpv4(address);
  const hosts = `127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n${own} ${hostname}\n`;
  return [
    text("/etc/hostname", `${hostname}\n`),
    text("/etc/hosts", `${hosts}${network?.hosts ?? ""}`),
    ...network ? [text("/etc/resolv.conf", network.resolvConf)] : [],
  ];
}

/** Where common images keep the certificates that programs trust. */
const TRUSTED = ["/etc/ssl/cert.pem", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem"];

/** Files that make the guest trust a certificate authority; `machine/secrets.ts` sets variables for two of them. */
function authorityFiles(authority: string | undefined): GuestFile[] {
  if (authority === undefined) return [];
  const content = new TextEncoder().encode(authority);
  const block = (path: string, mode: number) => ({ path, mode: FILE_BLOCK | mode, content });
  return [
    // For programs that rebuild the other files, such as update-ca-certificates.
    { path: "/usr/local/share/ca-certificates/smolvm.crt", mode: 0o644, content },
    block("/etc/ssl/certs/ca-certificates.crt", 0o644),
    // Mode 0: do not create these files when they are missing.
    ...TRUSTED.map((path) => block(path, 0)),
  ];
}
