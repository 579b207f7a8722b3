import { exists } from "../host/files.ts";
import { tryBuildah } from "../image/buildah.ts";
import { imageStorage, openStorage, storageFolder } from "../image/storage.ts";
import type { Check, Verdict } from "./check.ts";
import { runProgram } from "./program.ts";
import { fileSystemOf, judgeSpace } from "./space.ts";

/** Checks of the requirements of images; machines that boot from a folder do not need them. */
export function imageChecks(): Check[] {
  const checks: Check[] = [{ name: "buildah", run: checkBuildah }, { name: "image-storage", run: checkStorage }];
  return Deno.build.os === "darwin" ? [...checks, { name: "image-volume", run: checkVolume }] : checks;
}

async function checkBuildah(signal: AbortSignal): Promise<Verdict> {
  const run = { options: [], temporaryFolder: temporaryFolder(), action: "ask buildah for its version", signal };
  const result = await tryBuildah(["--version"], run);
  if (!result.success) throw result.error;
  return { status: "ok", found: result.stdout };
}

async function checkStorage(signal: AbortSignal): Promise<Verdict> {
  const { options } = imageStorage();
  const folder = storageFolder();
  // Do not ask buildah: it would create the storage.
  if (folder !== undefined && !exists(folder)) {
    return { status: "ok", found: `${folder} does not exist yet; the first image creates it` };
  }
  const { root, driver } = await openStorage({ options, temporaryFolder: temporaryFolder(), signal });
  const verdict = judgeSpace(`${driver} in ${root}`, await fileSystemOf(root, signal));
  return verdict.status === "ok" && driver === "vfs" ? { ...verdict, ...SLOW } : verdict;
}

const SLOW = {
  status: "warning",
  hint: "vfs copies every layer: make buildah use overlay, which needs fuse-overlayfs for ordinary users.",
} as const;

/** Images may have two files whose names differ only in case. */
async function checkVolume(signal: AbortSignal): Promise<Verdict> {
  const folder = storageFolder()!;
  const { stdout } = await runProgram(["diskutil", "info", folder], { signal });
  const [, personality = "unknown"] = /^\s*File System Personality:\s*(.+)$/m.exec(stdout) ?? [];
  const found = `${folder} is ${personality}`;
  if (personality.startsWith("Case-sensitive")) return { status: "ok", found };
  const hint = 'Images need a case-sensitive volume: diskutil apfs addVolume disk1 "Case-sensitive APFS" krunvm';
  return { status: "warning", found, hint };
}

function temporaryFolder(): string {
  return Deno.env.get("TMPDIR") ?? "/tmp";
}
