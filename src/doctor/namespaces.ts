import { namespacePrefix } from "../machine/spawn_runner.ts";
import type { Check, Verdict } from "./check.ts";
import { runProgram } from "./program.ts";

/** Buildah wants as many as an image's users may have. */
const LEAST_IDS = 65_536;

/** What keeps a VM's mounts from the host, and images' users from the host's; none of it exists on macOS. */
export function namespaceChecks(): Check[] {
  if (Deno.build.os !== "linux") return [];
  const checks: Check[] = [{ name: "namespaces", run: checkNamespaces }];
  return Deno.uid() === 0 ? checks : [...checks, { name: "subordinate-ids", run: checkSubordinateIds }];
}

async function checkNamespaces(signal: AbortSignal): Promise<Verdict> {
  const command = [...namespacePrefix(), "true"];
  const { success, stderr } = await runProgram(command, { signal, hint: "Install util-linux." });
  if (success) return { status: "ok", found: `${command.slice(0, -2).join(" ")} works` };
  const setting = (name: string) => readText(`/proc/sys/${name.replaceAll(".", "/")}`);
  return { status: "error", found: stderr, hint: namespaceHint(setting) };
}

/** How to allow namespaces, by the settings with which the kernels of distributions forbid them. */
export function namespaceHint(setting: (name: string) => string | undefined): string {
  if (setting("kernel.unprivileged_userns_clone") === "0") return allow("kernel.unprivileged_userns_clone=1");
  if (setting("user.max_user_namespaces") === "0") return allow("user.max_user_namespaces=15000");
  if (setting("kernel.apparmor_restrict_unprivileged_userns") === "1") {
    return allow("kernel.apparmor_restrict_unprivileged_userns=0");
  }
  return "In a container, give it CAP_SYS_ADMIN or run smolvm outside of it.";
}

function allow(assignment: string): string {
  return `Allow user namespaces: sudo sysctl ${assignment} (in /etc/sysctl.d for good).`;
}

async function checkSubordinateIds(signal: AbortSignal): Promise<Verdict> {
  const { stdout: user } = await runProgram(["id", "-un"], { signal });
  const hint = "Install the package uidmap (Debian), or shadow-utils.";
  for (const program of ["newuidmap", "newgidmap"]) await runProgram([program], { signal, hint });
  const files = ["/etc/subuid", "/etc/subgid"];
  const counts = files.map((file) => [file, countIds(readText(file) ?? "", [user, `${Deno.uid()}`])]);
  return judgeIds(user, Object.fromEntries(counts));
}

/** How many subordinate ids a file such as `/etc/subuid` grants a user, who may be listed under several names. */
export function countIds(text: string, names: string[]): number {
  const ranges = text.split("\n").map((line) => line.split(":"));
  return ranges.reduce((sum, [name, , count]) => names.includes(name!) ? sum + Number(count) : sum, 0);
}

/** What so many subordinate ids in each file are good for. */
export function judgeIds(user: string, counts: Record<string, number>): Verdict {
  const found = Object.entries(counts).map(([file, count]) => `${count} in ${file}`).join(", ");
  if (Object.values(counts).every((count) => count >= LEAST_IDS)) return { status: "ok", found };
  const hint = `Grant more: sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${user}`;
  return { status: "error", found, hint };
}

function readText(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path).trim();
  } catch {
    return undefined; // Not every Linux has it.
  }
}
