import { SmolvmError } from "../errors.ts";
import { readKernelFile } from "../host/by_sh.ts";
import { LIB_HINT } from "../host/lib_folder.ts";
import { parentCgroup } from "../jail/cgroup.ts";
import { jailFailure, jailPrefix } from "../jail/prefix.ts";
import { roleCommand } from "../runner/entry.ts";
import { type JailReport, parseJailReport } from "../runner_interface/jail_report.ts";
import type { Check, Verdict } from "./check.ts";
import { runProgram } from "./program.ts";

/** The number of ids that buildah needs for an image's users. */
const LEAST_IDS = 65_536;

/** Checks of the VM process's jail, and of the ids that separate images' users from host users; Linux only. */
export function jailChecks(): Check[] {
  if (Deno.build.os !== "linux") {
    const found = "not available on macOS: a guest that takes over its VM process has your user's rights";
    return [{ name: "jail", run: () => ({ status: "warning", found }) }];
  }
  const isRoot = Deno.uid() === 0;
  let report: Promise<JailReport> | undefined;
  const part = (key: keyof JailReport, found: string) => async (signal: AbortSignal): Promise<Verdict> => {
    const failure = (await (report ??= tryJail(signal)))[key];
    return failure === null ? { status: "ok", found } : { status: "error", found: failure };
  };
  const checks: Check[] = [
    { name: "jail-namespaces", run: checkNamespaces },
    { name: "jail-root", run: part("root", "separate, without files of the host") },
    { name: "jail-filters", run: part("filters", "two system call filters") },
    { name: "jail-limits", run: () => judgeCgroup(readKernelFile("/proc/self/cgroup"), { isRoot }) },
  ];
  return isRoot ? checks : [...checks, { name: "subordinate-ids", run: checkSubordinateIds }];
}

async function checkNamespaces(signal: AbortSignal): Promise<Verdict> {
  const prefix = jailPrefix({ isJailed: true, keepsNetwork: false });
  const { success, stderr } = await runProgram([...prefix, "true"], { signal, hint: LIB_HINT });
  if (!success) throw jailFailure(stderr);
  return { status: "ok", found: "user, mount, network, IPC and UTS" };
}

/** Starts a process that enters a jail as a VM process does. */
async function tryJail(signal: AbortSignal): Promise<JailReport> {
  const { argv, env } = roleCommand("jail-probe");
  const prefix = jailPrefix({ isJailed: true, keepsNetwork: false });
  const { success, stdout, stderr } = await runProgram([...prefix, ...argv], { signal, env, hint: LIB_HINT });
  if (success) return parseJailReport(stdout);
  throw new SmolvmError("jail", `Cannot enter a jail: the test process exited${stderr && `: ${stderr}`}`);
}

/** Judges which limits apply to VMs started by this process, from the text of `/proc/self/cgroup`. */
export function judgeCgroup(text: string, { isRoot }: { isRoot: boolean }): Verdict {
  const parent = parentCgroup(text);
  // Only root can create cgroups at the top.
  if (parent !== undefined && (isRoot || parent !== "")) {
    return { status: "ok", found: `memory, CPUs and threads, in a cgroup below ${parent || "/"}` };
  }
  return {
    status: "warning",
    found: "only those of this process: it cannot create a cgroup",
    hint: "Use `systemd-run --user --scope smolvm ...`, or limit the service that starts smolvm.",
  };
}

async function checkSubordinateIds(signal: AbortSignal): Promise<Verdict> {
  const { stdout: user } = await runProgram(["id", "-un"], { signal });
  const hint = "Install the package uidmap (Debian), or shadow-utils.";
  for (const program of ["newuidmap", "newgidmap"]) await runProgram([program], { signal, hint });
  const files = ["/etc/subuid", "/etc/subgid"];
  const counts = files.map((file) => [file, countIds(readText(file) ?? "", [user, `${Deno.uid()}`])]);
  return judgeIds(user, Object.fromEntries(counts));
}

/** The number of subordinate ids that a file such as `/etc/subuid` grants a user, who may have several names in it. */
export function countIds(text: string, names: string[]): number {
  const ranges = text.split("\n").map((line) => line.split(":"));
  return ranges.reduce((sum, [name, , count]) => names.includes(name!) ? sum + Number(count) : sum, 0);
}

/** Judges the number of subordinate ids in each file. */
export function judgeIds(user: string, counts: Record<string, number>): Verdict {
  const found = Object.entries(counts).map(([file, count]) => `${count} in ${file}`).join(", ");
  if (Object.values(counts).every((count) => count >= LEAST_IDS)) return { status: "ok", found };
  const hint = `Grant more: sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${user}`;
  return { status: "error", found, hint };
}

function readText(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined; // No file means no subordinate ids.
  }
}
