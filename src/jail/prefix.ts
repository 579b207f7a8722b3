import { SmolvmError } from "../errors.ts";
import { libFolder } from "../host/lib_folder.ts";

/** How a runner is confined. */
export interface JailPrefixOptions {
  /** Whether it runs in the jail; otherwise it has only the namespaces that it needs to find its folders. */
  isJailed: boolean;
  /** Whether it keeps the host's network, to publish ports. */
  keepsNetwork: boolean;
  /** Whether it boots a warm machine and waits until a client takes it. */
  isWarm?: boolean;
}

/** The exit status of `smolvm-jail` when it could not start its command: JAIL_FAILED in `helper/jail.h`. */
export const JAIL_FAILED = 124;

/** The program that starts a runner and cleans up after it, for this host's processor. */
export function jailProgram(): string {
  return `${libFolder()}/smolvm-jail-${Deno.build.arch === "aarch64" ? "arm64" : "x64"}`;
}

/** The command to put before a runner's command; empty on systems without namespaces. */
export function jailPrefix({ isJailed, keepsNetwork, isWarm = false }: JailPrefixOptions): readonly string[] {
  if (Deno.build.os !== "linux") return [];
  return [
    jailProgram(),
    ...isJailed ? [] : ["--unjailed"],
    ...keepsNetwork ? ["--host-network"] : [],
    ...isWarm ? ["--warm"] : [],
  ];
}

/** The error for what `smolvm-jail` wrote before it exited with {@linkcode JAIL_FAILED}. */
export function jailFailure(stderr: string): SmolvmError {
  const reason = stderr.trim().split("\n").at(-1)!.replace(/^smolvm-jail: /, "");
  return new SmolvmError("jail", `Cannot start the VM's process in its jail: ${reason}`, {
    hint: jailHint((name) => readText(`/proc/sys/${name.replaceAll(".", "/")}`)),
  });
}

/** How to allow what the jail needs, depending on the kernel settings with which distributions forbid it. */
export function jailHint(setting: (name: string) => string | undefined): string {
  if (setting("kernel.unprivileged_userns_clone") === "0") return allow("kernel.unprivileged_userns_clone=1");
  if (setting("user.max_user_namespaces") === "0") return allow("user.max_user_namespaces=15000");
  if (setting("kernel.apparmor_restrict_unprivileged_userns") === "1") {
    return allow("kernel.apparmor_restrict_unprivileged_userns=0");
  }
  return "In a container, give it CAP_SYS_ADMIN and no seccomp filter, or run smolvm outside of it; " +
    "--insecure-no-jail runs VMs without the jail.";
}

function allow(assignment: string): string {
  return `Allow user namespaces: sudo sysctl ${assignment} (in /etc/sysctl.d for good).`;
}

function readText(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path).trim();
  } catch {
    return undefined; // Not every Linux has it, and a script may lack the permission to read it.
  }
}
