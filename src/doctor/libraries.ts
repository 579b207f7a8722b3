import { SmolvmError } from "../errors.ts";
import { agentFile, LIB_HINT, libFolder } from "../host/lib_folder.ts";
import { osReason } from "../host/os_error.ts";
import { roleCommand } from "../runner/entry.ts";
import {
  type FileFacts,
  type KrunFacts,
  type LibraryReport,
  parseLibraryReport,
} from "../runner_interface/library_report.ts";
import { toError } from "../state/error_record.ts";
import { DISK_TEMPLATES, readTemplate } from "../storage/disk.ts";
import type { Check, Verdict } from "./check.ts";
import { runProgram } from "./program.ts";

/** Checks of the parts of a VM: libkrun, its kernel, the agent and the disk templates. */
export function libraryChecks(): Check[] {
  let report: Promise<LibraryReport> | undefined;
  const facts = async <L extends keyof LibraryReport>(library: L, signal: AbortSignal) => {
    const facts = (await (report ??= probe(signal)))[library];
    if ("code" in facts) throw toError(facts);
    return facts as Exclude<LibraryReport[L], { code: unknown }>;
  };
  return [
    { name: "libkrun", run: async (signal) => judgeKrun(await facts("libkrun", signal), Deno.build.os) },
    { name: "libkrunfw", run: async (signal) => ({ status: "ok", found: describe(await facts("libkrunfw", signal)) }) },
    { name: "agent", run: checkAgent },
    { name: "disk-templates", run: checkTemplates },
  ];
}

/** Loads the libraries in a separate process, as for every VM: a broken library may crash its process. */
async function probe(signal: AbortSignal): Promise<LibraryReport> {
  const { argv, env } = roleCommand("probe");
  const { success, stdout, stderr } = await runProgram(argv, { signal, env });
  if (success) return parseLibraryReport(stdout);
  throw new SmolvmError("dependency", `Cannot load libkrun: the test process exited${stderr && `: ${stderr}`}`);
}

/** Judges whether this libkrun can run machines on that OS. */
export function judgeKrun(facts: KrunFacts, os: string): Verdict {
  const { features, missing } = facts;
  const found = [describe(facts), ...features?.length ? [`with ${features.join(", ")}`] : []].join(", ");
  const lacks = (name: string) => missing.includes(name);
  if (features?.includes("BLK") === false || lacks("krun_add_disk2") && lacks("krun_add_disk3")) {
    return {
      status: "error",
      found: `${found}; it does not support disks`,
      hint: "Install a libkrun built with BLK=1.",
    };
  }
  if (lacks("krun_add_vsock") || lacks("krun_disable_implicit_vsock")) {
    const hint = "Upgrade libkrun to 1.17 or later: this one gives every guest the host's network.";
    return { status: "error", found, hint };
  }
  // On Linux, the host's own mounts are read-only.
  if (os === "darwin" && lacks("krun_add_virtiofs3")) {
    return {
      status: "error",
      found,
      hint: "Upgrade libkrun to 1.18 or later: this one does not support read-only shares.",
    };
  }
  return { status: "ok", found };
}

/** Returns the file, after the version in its path if there is one. */
function describe({ path }: FileFacts): string {
  const [version] = /(?<=[./])\d+\.\d+\.\d+(\+\w+)?/.exec(path) ?? [];
  return version === undefined ? path : `${version}, ${path}`;
}

function checkAgent(): Verdict {
  const found = agentFile();
  try {
    const { isFile, mode } = Deno.statSync(found);
    if (isFile && (mode ?? 0) & 0o111) return { status: "ok", found };
    return { status: "error", found: `"${found}" is not an executable`, hint: LIB_HINT };
  } catch (error) {
    throw new SmolvmError("dependency", `Cannot use the agent "${found}": ${osReason(error)}`, {
      hint: LIB_HINT,
    });
  }
}

function checkTemplates(): Verdict {
  const folder = libFolder();
  for (const { name } of DISK_TEMPLATES) readTemplate(`${folder}/${name}`);
  return { status: "ok", found: `${DISK_TEMPLATES.map(({ name }) => name).join(" and ")} in ${folder}` };
}
