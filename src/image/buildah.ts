/** The only place that runs buildah. */
import { SmolvmError } from "../errors.ts";
import { killChild } from "../host/child_process.ts";
import { osReason } from "../host/os_error.ts";
import { LastWords } from "./last_words.ts";

/** Takes the progress of a pull, as bytes for a terminal. */
export type ProgressListener = (chunk: Uint8Array) => void;

/** What the commands of one preparation have in common. */
export interface BuildahContext {
  /** Global options of buildah: those of the storage. */
  options: string[];
  /** Where it puts its temporary files, such as layers on their way; absent for what makes none. */
  temporaryFolder?: string;
  /** Ends it. */
  signal?: AbortSignal | undefined;
}

/** How one buildah command is run. */
export interface BuildahRun extends BuildahContext {
  /** What it is for, as the error says it: `pull "alpine"`. */
  action: string;
  /** Is given what buildah says on stderr while it runs; its last words are kept for the error either way. */
  onProgress?: ProgressListener | undefined;
}

/** What came of a buildah command that could be run. */
export type BuildahResult = { success: true; stdout: string } | { success: false; error: SmolvmError };

/**
 * Runs buildah and returns its stdout without white space around it.
 *
 * @throws {SmolvmError} `image` with buildah's last words when it fails; `dependency` without buildah; `interrupted`.
 */
export async function buildah(args: string[], run: BuildahRun): Promise<string> {
  const result = await tryBuildah(args, run);
  if (!result.success) throw result.error;
  return result.stdout;
}

/**
 * Like {@linkcode buildah}, for a command that may well fail.
 *
 * @throws {SmolvmError} `dependency` without buildah; `interrupted`.
 */
export async function tryBuildah(args: string[], run: BuildahRun): Promise<BuildahResult> {
  const { action, options, onProgress, signal, temporaryFolder } = run;
  throwIfAborted(action, signal);
  const child = spawnBuildah([...options, ...args], temporaryFolder);
  // Whatever buildah does here can be killed: its storage survives that, and so does ours.
  const end = () => killChild(child, "SIGKILL");
  signal?.addEventListener("abort", end);
  try {
    const [stdout, lastWords, status] = await Promise.all([
      new Response(child.stdout).text(),
      readProgress(child.stderr, onProgress),
      child.status,
    ]);
    throwIfAborted(action, signal);
    if (status.success) return { success: true, stdout: stdout.trim() };
    const reason = lastWords || (status.signal ? `buildah was ended by ${status.signal}` : `exit code ${status.code}`);
    return { success: false, error: new SmolvmError("image", `Cannot ${action}: ${reason}`) };
  } finally {
    signal?.removeEventListener("abort", end);
  }
}

function throwIfAborted(action: string, signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new SmolvmError("interrupted", `Cannot ${action}: interrupted`, { cause: signal.reason });
}

function spawnBuildah(args: string[], temporaryFolder: string | undefined): Deno.ChildProcess {
  const path = findBuildah();
  // The kernel ends it when we end, however that comes about. macOS has no such thing.
  const [command, ...prefix] = Deno.build.os === "linux" ? ["setpriv", "--pdeathsig", "KILL", path] as const : [path];
  try {
    return new Deno.Command(command, {
      args: [...prefix, ...args],
      env: temporaryFolder === undefined ? {} : { TMPDIR: temporaryFolder },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    throw new SmolvmError("dependency", `Cannot run "${command}": ${osReason(error)}`, { cause: error });
  }
}

/** Looked for here rather than by whatever starts it, so that a missing buildah has an error of its own. */
function findBuildah(): string {
  const folders = Deno.env.get("PATH")?.split(":") ?? [];
  let refused: unknown;
  for (const folder of folders) {
    const path = `${folder || "."}/buildah`;
    try {
      const { isFile, mode } = Deno.statSync(path);
      if (isFile && ((mode ?? 0) & 0o111) !== 0) return path;
    } catch (error) {
      // Not in this folder, or hidden from us.
      if (error instanceof Deno.errors.NotCapable) refused ??= error;
    }
  }
  if (refused !== undefined) throw refused;
  throw new SmolvmError("dependency", "Cannot find buildah, which images need", {
    hint: Deno.build.os === "darwin" ? "Install it: brew install buildah" : "Install the package buildah.",
  });
}

/** Passes on what buildah says as it says it, and returns the end of it. */
async function readProgress(
  stderr: ReadableStream<Uint8Array>,
  onProgress: ProgressListener | undefined,
): Promise<string> {
  const lastWords = new LastWords();
  for await (const chunk of stderr) {
    lastWords.push(chunk);
    onProgress?.(chunk);
  }
  return lastWords.text();
}
