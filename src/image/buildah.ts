/** Runs buildah; no other module does. */
import { SmolvmError } from "../errors.ts";
import { killChild } from "../host/child_process.ts";
import { osReason } from "../host/os_error.ts";
import { StderrTail } from "./stderr_tail.ts";
import { FinalErrorFilter } from "./final_error_filter.ts";

/** Receives the progress of a pull, as bytes for a terminal. */
export type ProgressListener = (chunk: Uint8Array) => void;

/** The options that all buildah commands of one preparation share. */
export interface BuildahContext {
  /** Global options of buildah, which select the storage. */
  options: string[];
  /** The folder for buildah's temporary files, such as layers being pulled; absent for commands that make none. */
  temporaryFolder?: string;
  /** Kills buildah. */
  signal?: AbortSignal | undefined;
}

/** How one buildah command is run. */
export interface BuildahRun extends BuildahContext {
  /** The action in error messages: `pull "alpine"`. */
  action: string;
  /** Receives buildah's stderr while it runs, without its final error, which becomes the thrown error. */
  onProgress?: ProgressListener | undefined;
}

/** The result of a buildah command that could be started. */
export type BuildahResult = { success: true; stdout: string } | { success: false; error: SmolvmError };

/**
 * Runs buildah and returns its trimmed stdout.
 *
 * @throws {SmolvmError} `image` with buildah's error when it fails; `dependency` without buildah; `interrupted`.
 */
export async function buildah(args: string[], run: BuildahRun): Promise<string> {
  const result = await tryBuildah(args, run);
  if (!result.success) throw result.error;
  return result.stdout;
}

/**
 * Like {@linkcode buildah}, for a command that may fail in normal operation: returns its error.
 *
 * @throws {SmolvmError} `dependency` without buildah; `interrupted`.
 */
export async function tryBuildah(args: string[], run: BuildahRun): Promise<BuildahResult> {
  const { action, options, signal, temporaryFolder } = run;
  const progress = run.onProgress && new FinalErrorFilter(run.onProgress);
  throwIfAborted(action, signal);
  const child = spawnBuildah([...options, ...args], temporaryFolder);
  // SIGKILL is safe: neither buildah's storage nor smolvm's files are damaged by it.
  const end = () => killChild(child, "SIGKILL");
  signal?.addEventListener("abort", end);
  try {
    const [stdout, lastWords, status] = await Promise.all([
      new Response(child.stdout).text(),
      readProgress(child.stderr, progress),
      child.status,
    ]);
    throwIfAborted(action, signal);
    if (status.success) progress?.end();
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
  // With setpriv, the kernel kills buildah when this process ends, even by SIGKILL. macOS cannot do that.
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

/** Searches PATH for buildah; otherwise setpriv would hide that it is missing. */
function findBuildah(): string {
  const folders = Deno.env.get("PATH")?.split(":") ?? [];
  let refused: unknown;
  for (const folder of folders) {
    const path = `${folder || "."}/buildah`;
    try {
      const { isFile, mode } = Deno.statSync(path);
      if (isFile && ((mode ?? 0) & 0o111) !== 0) return path;
    } catch (error) {
      // It is not in this folder, or Deno's permissions forbid reading the folder.
      if (error instanceof Deno.errors.NotCapable) refused ??= error;
    }
  }
  if (refused !== undefined) throw refused;
  throw new SmolvmError("dependency", "Cannot find buildah, which images need", {
    hint: Deno.build.os === "darwin" ? "Install it: brew install buildah" : "Install the package buildah.",
  });
}

/** Passes on buildah's stderr as it arrives, and returns the error message at its end. */
async function readProgress(
  stderr: ReadableStream<Uint8Array>,
  progress: FinalErrorFilter | undefined,
): Promise<string> {
  const lastWords = new StderrTail();
  for await (const chunk of stderr) {
    lastWords.push(chunk);
    progress?.push(chunk);
  }
  return lastWords.text();
}
