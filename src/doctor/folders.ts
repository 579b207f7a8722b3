import { readConfig } from "../config/config.ts";
import { SmolvmError } from "../errors.ts";
import { exists } from "../host/files.ts";
import { folders } from "../host/folders.ts";
import { osReason } from "../host/os_error.ts";
import { dirname } from "../host/path.ts";
import { checkSocketPath } from "../runner_interface/spec.ts";
import { persistentFolders } from "../state/machine_folders.ts";
import { generateId } from "../state/names.ts";
import type { Check, Verdict } from "./check.ts";
import { runProgram } from "./program.ts";
import { fileSystemOf, judgeSpace } from "./space.ts";

/** Checks of the folders that smolvm reads and writes. */
export const FOLDER_CHECKS: Check[] = [
  { name: "configuration", run: checkConfig },
  { name: "state-folder", run: checkState },
  { name: "runtime-folder", run: checkRuntime },
];

async function checkConfig(): Promise<Verdict> {
  const { configFile } = folders();
  await readConfig(configFile);
  return { status: "ok", found: exists(configFile) ? configFile : `${configFile} does not exist; the defaults apply` };
}

async function checkState(signal: AbortSignal): Promise<Verdict> {
  const { state } = folders();
  const there = nearestFolder(state);
  return await problemWith(state, there, signal) ?? judgeSpace(state, await fileSystemOf(there, signal));
}

async function checkRuntime(signal: AbortSignal): Promise<Verdict> {
  const { runtime } = folders();
  checkSocketPath(persistentFolders(generateId()));
  return await problemWith(runtime, nearestFolder(runtime), signal) ?? { status: "ok", found: runtime };
}

/** Returns why a folder cannot be used; `there` is the folder itself or its nearest existing ancestor. */
async function problemWith(folder: string, there: string, signal: AbortSignal): Promise<Verdict | undefined> {
  const { uid, isDirectory } = Deno.statSync(there);
  if (!isDirectory) {
    return { status: "error", found: `"${there}" is not a folder`, hint: "Move it away, or delete it." };
  }
  if (there === folder && uid !== Deno.uid()) {
    const hint = `It must be yours: sudo chown -R "$(id -u)" "${folder}"`;
    return { status: "error", found: `"${folder}" belongs to the user with id ${uid}`, hint };
  }
  const { success } = await runProgram(["test", "-w", there, "-a", "-x", there], { signal });
  if (success) return undefined;
  return { status: "error", found: `"${there}" is not writable`, hint: "Make it writable for your user." };
}

/** The folder, or its nearest existing ancestor. */
function nearestFolder(path: string): string {
  try {
    Deno.statSync(path);
    return path;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory)) {
      throw new SmolvmError("storage", `Cannot look at "${path}": ${osReason(error)}`, {
        cause: error,
        hint: "Set XDG_STATE_HOME and XDG_RUNTIME_DIR to folders of yours, or unset them.",
      });
    }
    return nearestFolder(dirname(path));
  }
}
