import { formatIpv4 } from "../network/ipv4.ts";
import { FILE_BLOCK } from "../protocol/constants.ts";
import type { GuestFile, Setup } from "../protocol/messages.ts";
import type { RunnerSpec } from "../runner_interface/spec.ts";
import type { BootFolder } from "./boot_folder.ts";
import { type GatewayFacts, guestInterfaces, networkFiles } from "./network.ts";

const RLIMIT_NOFILE = 7;

/** What a guest is made of. */
export interface GuestParts extends BootFolder, GatewayFacts {
  /** How many open files this process may have. */
  openFiles: bigint;
}

/** What is left of the limit of open files for this process's own. */
const OWN_FILES = 256n;

/** {@linkcode Setup.shareFiles} of a VM's process that may have `openFiles` open. */
export function shareFiles(openFiles: bigint): number {
  // There, libkrun opens what is used, and not what is known.
  if (Deno.build.os === "darwin") return 0;
  const left = openFiles > OWN_FILES ? openFiles - OWN_FILES : 1n;
  return left > 0xffff_ffffn ? 0 : Number(left);
}

/** What the agent is to make of the guest; to be built as late as possible, since it carries the clock. */
export function guestSetup(spec: RunnerSpec, boot: GuestParts): Setup {
  return {
    clockNs: BigInt(Date.now()) * 1_000_000n,
    hostname: spec.machine.hostname,
    overlay: true,
    ephemeral: spec.ephemeral,
    rootfs: boot.rootfs,
    files: [...guestFiles(spec, boot), ...authorityFiles(boot.authority)],
    mounts: boot.mounts,
    // The kernel's own most; its default of 1024 is too little for servers.
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
  // A server may tell others the address that it finds for its own name.
  const [address] = addresses;
  const own = address === undefined ? "127.0.1.1" : formatIpv4(address);
  const hosts = `127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n${own} ${hostname}\n`;
  return [
    text("/etc/hostname", `${hostname}\n`),
    text("/etc/hosts", `${hosts}${network?.hosts ?? ""}`),
    ...network ? [text("/etc/resolv.conf", network.resolvConf)] : [],
  ];
}

/** Where the usual images have the certificates that programs trust. */
const TRUSTED = ["/etc/ssl/cert.pem", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem"];

/** What makes the guest trust an authority; `machine/secrets.ts` tells programs of two of them. */
function authorityFiles(authority: string | undefined): GuestFile[] {
  if (authority === undefined) return [];
  const content = new TextEncoder().encode(authority);
  const block = (path: string, mode: number) => ({ path, mode: FILE_BLOCK | mode, content });
  return [
    // For those who make the others anew, as update-ca-certificates does.
    { path: "/usr/local/share/ca-certificates/smolvm.crt", mode: 0o644, content },
    block("/etc/ssl/certs/ca-certificates.crt", 0o644),
    // Where they are not there, they are not made.
    ...TRUSTED.map((path) => block(path, 0)),
  ];
}
